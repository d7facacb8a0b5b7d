import { describe, expect, test } from 'bun:test';
import type { Attachment } from '../engine/containers/containers.ts';
import type { OutputChunk } from '../engine/output.ts';
import { Queue } from '../lib/queue.ts';
import type { Duplex } from '../lib/streams.ts';
import { serveAttachment } from './attachment.ts';
import { framer, join } from './output.ts';

test('a batch becomes one run of frames', () => {
  const bytes = framer()([
    { stream: 1, data: Buffer.from('out') },
    { stream: 2, data: Buffer.from('error') },
    { stream: 1, data: Buffer.alloc(0) },
  ]);
  expect(Buffer.from(bytes).toString('latin1')).toBe(
    '\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x05error\x01\0\0\0\0\0\0\0',
  );
});

test('what a terminal says has no frames', () => {
  expect(
    Buffer.from(
      join([
        { stream: 1, data: Buffer.from('a') },
        { stream: 1, data: Buffer.from('b') },
      ]),
    ).toString(),
  ).toBe('ab');
});

class FakeAttachment implements Attachment {
  readonly tty = false;
  readonly left = false;
  readonly batches = new Queue<OutputChunk[]>();
  readonly written: string[] = [];
  inputEnded = Promise.withResolvers<void>();
  closed = 0;
  accepts = true;

  get output() {
    return this.batches;
  }
  async write(chunk: Uint8Array): Promise<boolean> {
    if (!this.accepts) return false;
    this.written.push(Buffer.from(chunk).toString());
    return true;
  }
  endInput(): void {
    this.inputEnded.resolve();
  }
  close(): void {
    this.closed++;
    this.batches.end();
  }
}

class FakeConnection implements Duplex {
  readonly input = new Queue<Uint8Array>();
  readonly gone = Promise.withResolvers<void>();
  readonly closed = this.gone.promise;
  text = '';
  open = true;

  write(chunk: Uint8Array): boolean {
    if (this.open) this.text += Buffer.from(chunk).toString();
    return this.open;
  }
  end(): void {}
  destroy(): void {}
}

describe('an attached client', () => {
  test('gives input and gets output until the process ends', async () => {
    const attachment = new FakeAttachment();
    const connection = new FakeConnection();
    const serving = serveAttachment(connection, attachment, false);
    connection.input.push(Buffer.from('in'));
    connection.input.end();
    await attachment.inputEnded.promise;
    attachment.batches.push([{ stream: 1, data: Buffer.from('out') }]);
    attachment.batches.end();
    await serving;
    expect(attachment.written).toEqual(['in']);
    expect(connection.text).toBe('out');
    expect(attachment.closed).toBeGreaterThan(0);
  });

  test('that vanishes lets go of the process, though it never speaks', async () => {
    const attachment = new FakeAttachment();
    const connection = new FakeConnection();
    const serving = serveAttachment(connection, attachment, true);
    connection.gone.resolve();
    await serving;
    expect(attachment.closed).toBeGreaterThan(0);
  });

  test('that no longer reads lets go of the process at its next word', async () => {
    const attachment = new FakeAttachment();
    const connection = new FakeConnection();
    connection.open = false;
    attachment.batches.push([{ stream: 1, data: Buffer.from('out') }]);
    await serveAttachment(connection, attachment, true);
    expect(attachment.closed).toBeGreaterThan(0);
  });

  test('whose process wants no more input still gets its output', async () => {
    const attachment = new FakeAttachment();
    attachment.accepts = false;
    const connection = new FakeConnection();
    const serving = serveAttachment(connection, attachment, false);
    connection.input.push(Buffer.from('in'));
    attachment.batches.push([{ stream: 1, data: Buffer.from('out') }]);
    attachment.batches.end();
    await serving;
    expect(connection.text).toBe('out');
  });

  test('whose input fails ends with that error', async () => {
    const attachment = new FakeAttachment();
    attachment.write = async () => {
      throw new Error('no stdin');
    };
    const connection = new FakeConnection();
    connection.input.push(Buffer.from('in'));
    await expect(serveAttachment(connection, attachment, false)).rejects.toThrow('no stdin');
  });
});
