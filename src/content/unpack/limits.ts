// What a layer may grow to: more than that is an attack, or no longer fits.
import { invalid } from '../../lib/errors.ts';
import { checkRoom } from '../room.ts';

const ROOM_CHECK_EVERY = 64 * 1024 * 1024;

/** Above so many bytes, a layer that grows so many times over is a bomb: real files don't shrink so well. */
export interface BombLimit {
  size: number;
  ratio: number;
}

export const BOMB_SIZE = 4 * 1024 ** 3;

export class UnpackLimits {
  #unpacked = 0;
  #nextCheck = 0;

  constructor(
    /** Where it is unpacked to. */
    private readonly directory: string,
    private readonly bomb: BombLimit,
  ) {}

  /** So many more bytes came out of the `packed` bytes that went in so far. */
  count(bytes: number, packed: number): void {
    this.#unpacked += bytes;
    const { size, ratio } = this.bomb;
    if (this.#unpacked > size && this.#unpacked > packed * ratio) {
      throw invalid(`the layer expands more than ${ratio} times: refused as a decompression bomb (--max-layer-ratio)`);
    }
    if (this.#unpacked < this.#nextCheck) return;
    this.#nextCheck = this.#unpacked + ROOM_CHECK_EVERY;
    checkRoom(this.directory, 0);
  }
}
