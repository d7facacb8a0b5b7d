// How far a conversion has come, on disk, so that a daemon that was killed in the middle goes on exactly there.
import { closeSync, constants, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { StdStream } from '../../output.ts';
import type { Pending, PendingLines } from './conversion.ts';

/** A file by inode, and how much of it is done. */
export interface Progress {
  inode: number;
  bytes: number;
}

export interface Checkpoint {
  source: Progress;
  destination: Progress;
  pending: PendingLines;
}

type PendingText = Omit<Pending, 'text'> & { text: string };
interface Saved {
  source: Progress;
  destination: Progress;
  pending: Partial<Record<StdStream, PendingText>>;
}

/** Of two slots the older is overwritten each time, so a write that is cut short leaves the other. Two pending lines fit into one. */
const slotSize = 64 * 1024;

/**
 * Written in place and not synced: a rename would make some file systems write the data out each time, and it is the daemon's
 * death that must be survived; the log itself is not synced either.
 */
export class CheckpointFile {
  #fd = -1;
  #sequence = 0;

  constructor(private readonly path: string) {}

  load(): Checkpoint | undefined {
    // Asked first: of a new container there is none, and an error takes longer.
    if (!existsSync(this.path)) return undefined;
    const content = readFileSync(this.path);
    const slots = [readSlot(content, 0), readSlot(content, slotSize)].filter(slot => slot !== undefined);
    const latest = slots.sort((a, b) => b.sequence - a.sequence)[0];
    if (!latest) return undefined;
    this.#sequence = latest.sequence;
    const { source, destination, pending } = latest.saved;
    return { source, destination, pending: { 1: restore(pending[1]), 2: restore(pending[2]) } };
  }

  save({ source, destination, pending }: Checkpoint): void {
    if (this.#fd < 0) this.#fd = openSync(this.path, constants.O_WRONLY | constants.O_CREAT, 0o640);
    const saved: Saved = { source, destination, pending: { 1: preserve(pending[1]), 2: preserve(pending[2]) } };
    const text = JSON.stringify(saved);
    const sequence = this.#sequence + 1;
    const slot = Buffer.from(`${sequence} ${Buffer.byteLength(text)} ${Bun.hash.crc32(text)}\n${text}`);
    writeSync(this.#fd, slot, 0, slot.length, (sequence % 2) * slotSize);
    this.#sequence = sequence;
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function readSlot(content: Buffer, at: number): { sequence: number; saved: Saved } | undefined {
  const headEnd = content.indexOf(0x0a, at);
  if (headEnd < 0 || headEnd > at + 64) return undefined;
  const [sequence, length, checksum] = content.toString('latin1', at, headEnd).split(' ').map(Number);
  const text = content.toString('utf8', headEnd + 1, headEnd + 1 + (length ?? 0));
  if (sequence === undefined || checksum !== Bun.hash.crc32(text)) return undefined;
  return { sequence, saved: JSON.parse(text) as Saved };
}

function preserve(line: Pending | undefined): PendingText | undefined {
  return line && { ...line, text: line.text.toString('base64') };
}

function restore(line: PendingText | undefined): Pending | undefined {
  return line && { ...line, text: Buffer.from(line.text, 'base64') };
}
