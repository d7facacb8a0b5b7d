// The helper process that unpacks layers, one after the other. It locks itself into a layer's directory before it looks at a
// byte of what a stranger made, and comes out only when that layer was a good one. Arguments: the directory that the layers'
// directories, and links to their blobs, lie in; how many times a large layer may grow.
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { changeRoot } from '../../kernel/files.ts';
import { endWithParent } from '../../kernel/process.ts';
import { type Compression, decompress, detectCompression } from '../../lib/compression.ts';
import { DockyardError, failed, invalid, messageOf } from '../../lib/errors.ts';
import { Queue } from '../../lib/queue.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { TarParser } from '../../lib/tar/parser.ts';
import { LayerWriter } from './layer-writer.ts';
import { BOMB_SIZE, UnpackLimits } from './limits.ts';
import { JsonLines, type UnpackJob, type UnpackOrder, type UnpackReport } from './protocol.ts';

const READ_SIZE = 256 * 1024;
const REPORT_EVERY = 4 * 1024 * 1024;

export async function run([home, maxRatio]: string[]): Promise<number> {
  if (home === undefined || maxRatio === undefined) return 2;
  endWithParent();
  process.umask(0);
  changeRoot(home);
  // What is in an archive are names: none of them can name a descriptor.
  const wayBack = openSync('/', constants.O_RDONLY | constants.O_DIRECTORY);
  const desk = new Desk();
  try {
    for await (const { job, file } of desk.jobs()) {
      using _file = file;
      changeRoot(`/${job.directory}`);
      const done = await unpack(file, Number(maxRatio));
      changeRoot(wayBack);
      report({ done });
    }
  } catch (error) {
    report({ error: messageOf(error), kind: error instanceof DockyardError ? error.kind : 'failed' });
  }
  // The engine's end of stdin is still open.
  process.stdin.destroy();
  return 0;
}

async function unpack(file: GrowingFile, maxRatio: number) {
  const writer = new LayerWriter();
  const parser = new TarParser(writer);
  const compression = supported(detectCompression(await file.peek()));
  const hasher = compression === 'none' ? undefined : new Bun.CryptoHasher('sha256');
  const limits = new UnpackLimits('/', { size: BOMB_SIZE, ratio: maxRatio });
  const layer = compression === 'none' ? file.chunks('same') : decompress(file.chunks('fresh'), compression);
  for await (const chunk of layer) {
    hasher?.update(chunk);
    limits.count(chunk.length, file.position);
    parser.feed(chunk);
  }
  parser.finish();
  return { ...writer.finish(), diffId: hasher && `sha256:${hasher.digest('hex')}` };
}

function supported(compression: Compression): 'none' | 'gzip' | 'zstd' {
  if (compression === 'bzip2' || compression === 'xz')
    throw invalid(`layers packed with ${compression} are not supported`);
  return compression;
}

/** What the engine says on stdin: a job, then how far its blob has come. */
class Desk {
  readonly #jobs = new Queue<{ job: UnpackJob; file: GrowingFile }>();
  #current: GrowingFile | undefined;

  constructor() {
    const lines = new JsonLines<UnpackOrder>();
    process.stdin.on('data', (chunk: Buffer) => {
      for (const order of lines.feed(chunk)) this.#take(order);
    });
    // The engine needs it no more, or is gone.
    process.stdin.on('end', () => process.exit(3));
  }

  #take(order: UnpackOrder): void {
    if ('unpack' in order) {
      const job = order.unpack;
      this.#current = new GrowingFile(openSync(`/${job.blob}`, 'r'));
      this.#jobs.push({ job, file: this.#current });
    } else {
      this.#current?.grow(order.available, order.complete);
    }
  }

  jobs(): AsyncIterable<{ job: UnpackJob; file: GrowingFile }> {
    return this.#jobs;
  }
}

/** A blob that may still be written by the engine. Owns the descriptor. */
class GrowingFile implements Disposable {
  position = 0;
  #available = 0;
  #complete = false;
  #reported = 0;
  #wake: (() => void) | undefined;

  constructor(private readonly fd: number) {}

  grow(available: number, complete: boolean): void {
    this.#available = available;
    this.#complete = complete;
    this.#wake?.();
  }

  async #moreThan(position: number): Promise<boolean> {
    while (this.#available <= position && !this.#complete) {
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
    return this.#available > position;
  }

  async peek(): Promise<Uint8Array> {
    await this.#moreThan(8);
    const start = new Uint8Array(8);
    return start.subarray(0, readSync(this.fd, start, 0, start.length, 0));
  }

  /** A chunk in the `same` buffer is gone when the next is asked for; `fresh` ones may go on to another thread. */
  async *chunks(buffer: 'same' | 'fresh'): ByteSource {
    let chunk = Buffer.allocUnsafe(READ_SIZE);
    while (await this.#moreThan(this.position)) {
      if (buffer === 'fresh' && this.position > 0) chunk = Buffer.allocUnsafe(READ_SIZE);
      const wanted = Math.min(READ_SIZE, this.#available - this.position);
      const length = readSync(this.fd, chunk, 0, wanted, this.position);
      if (length === 0) throw failed('the blob is shorter than announced');
      this.position += length;
      if (this.position - this.#reported >= REPORT_EVERY) {
        this.#reported = this.position;
        report({ read: this.position });
      }
      yield chunk.subarray(0, length);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

function report(message: UnpackReport): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let written = 0; written < line.length; ) written += writeSync(1, line, written);
}
