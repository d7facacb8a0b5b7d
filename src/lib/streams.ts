// Two shapes carry all bytes in Dockyard: a source that is pulled, and a duplex (a socket after its protocol is settled).
import { invalid } from './errors.ts';

/** Bytes in order. The consumer's pace is the producer's pace: nothing is read ahead of a bounded buffer. */
export type ByteSource = AsyncIterable<Uint8Array>;

/** A connection whose two directions end on their own. */
export interface Duplex {
  /** Ends when the peer half-closes or goes away. Can be consumed once. */
  readonly input: ByteSource;
  /**
   * Resolves to false when the connection is gone. Returns a promise only while the peer is slower than we are: until it is
   * resolved the chunk must stay as it is.
   */
  write(chunk: Uint8Array): boolean | Promise<boolean>;
  /** Half-close: nothing more will be written; input goes on. */
  end(): void;
  /** Drops both directions at once. May be called twice. */
  destroy(): void;
  /** Resolves when both directions are over, for whatever reason. */
  readonly closed: Promise<void>;
}

/** Writes a whole source; stops early and returns false if the sink goes away. Does not end the sink. */
export async function pump(source: ByteSource, sink: Pick<Duplex, 'write'>): Promise<boolean> {
  for await (const chunk of source) {
    if (!(await sink.write(chunk))) return false;
  }
  return true;
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  return Buffer.concat(chunks);
}

export async function collect(source: ByteSource): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Likewise, but no more than so many bytes: then it is an error. */
export async function collectBounded(source: ByteSource, limit: number, what = 'content'): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > limit) throw invalid(`${what} is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** All but the first so many bytes. */
export async function* withoutStart(source: ByteSource, bytes: number): ByteSource {
  let left = bytes;
  for await (const chunk of source) {
    const skipped = Math.min(left, chunk.length);
    left -= skipped;
    if (skipped < chunk.length) yield chunk.subarray(skipped);
  }
}

/** What is left of some chunks after so many bytes. */
export function withoutFirst(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let over = bytes;
  return chunks.flatMap(chunk => {
    const dropped = Math.min(over, chunk.length);
    over -= dropped;
    return dropped === chunk.length ? [] : [chunk.subarray(dropped)];
  });
}
