// Pulling entries out of a byte source, one at a time, at the consumer's pace.
import type { ByteSource } from '../streams.ts';
import type { TarEntry } from './entry.ts';
import { TarParser } from './parser.ts';

export interface TarMember extends TarEntry {
  /** The content, holes filled with zeros. To be consumed before the next member is asked for; the rest is skipped. */
  readonly body: ByteSource;
}

type Event = { kind: 'entry'; entry: TarEntry } | { kind: 'data'; bytes: Uint8Array; offset: number } | { kind: 'end' };

const ZEROS = new Uint8Array(64 * 1024);

/**
 * The members of an archive. What follows the archive's end mark is read and dropped, so that whoever counts or
 * hashes the source sees all of it. Stopping early ends the source.
 */
export async function* readTar(source: ByteSource): AsyncGenerator<TarMember, void, void> {
  const input = source[Symbol.asyncIterator]();
  let events: Event[] = [];
  let next = 0;
  const parser = new TarParser({
    entry: entry => events.push({ kind: 'entry', entry }),
    data: (bytes, offset) => events.push({ kind: 'data', bytes, offset }),
    end: () => events.push({ kind: 'end' }),
  });

  async function nextEvent(): Promise<Event | undefined> {
    while (next === events.length) {
      const { value, done } = await input.next();
      if (done) {
        parser.finish();
        return undefined;
      }
      events = [];
      next = 0;
      parser.feed(value);
    }
    return events[next++]!;
  }

  async function* bodyOf(entry: TarEntry, state: { over: boolean }): AsyncGenerator<Uint8Array, void, void> {
    let position = 0;
    while (!state.over) {
      const event = await nextEvent();
      if (event === undefined || event.kind === 'entry') return;
      if (event.kind === 'end') {
        state.over = true;
        yield* zeros(entry.size - position);
        return;
      }
      yield* zeros(event.offset - position);
      position = event.offset + event.bytes.length;
      yield event.bytes;
    }
  }

  try {
    for (;;) {
      const event = await nextEvent();
      if (event === undefined) return;
      if (event.kind !== 'entry') continue;
      const state = { over: false };
      const { entry } = event;
      yield Object.assign(entry, { body: bodyOf(entry, state) });
      while (!state.over) {
        const skipped = await nextEvent();
        if (skipped === undefined) return;
        if (skipped.kind === 'end') state.over = true;
      }
    }
  } finally {
    await input.return?.();
  }
}

function* zeros(count: number): Generator<Uint8Array, void, void> {
  for (let left = count; left > 0; left -= ZEROS.length) yield left < ZEROS.length ? ZEROS.subarray(0, left) : ZEROS;
}
