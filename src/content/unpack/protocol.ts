// What the engine and a helper that unpacks a layer say to each other: JSON lines on the helper's stdin and stdout.
import type { ErrorKind } from '../../lib/errors.ts';
import type { LayerSummary } from './layer-writer.ts';

/** Both are names in the helper's own directory. */
export interface UnpackJob {
  directory: string;
  blob: string;
}

export type UnpackOrder =
  | { unpack: UnpackJob }
  /** The blob may still grow: so much of it may be read now. */
  | { available: number; complete: boolean };

export type UnpackReport =
  /** So much of the blob is unpacked. */
  | { read: number }
  /** `diffId` is left out for a layer that is not compressed: its blob's digest says the same. */
  | { done: LayerSummary & { diffId?: string } }
  | { error: string; kind: ErrorKind };

/** Cuts lines out of text that comes in any pieces. */
export class JsonLines<T> {
  #rest = '';
  readonly #decoder = new TextDecoder();

  feed(chunk: Uint8Array): T[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#rest = lines.pop()!;
    return lines.map(line => JSON.parse(line) as T);
  }
}
