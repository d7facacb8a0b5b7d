// How much a tree of files holds, counted as Docker counts: lengths of files, each inode once, directories not at all.
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { errnoOf } from '../lib/errors.ts';

export interface DiskUsage {
  bytes: number;
  inodes: number;
}

/** After this many files the event loop gets its turn. */
const BATCH = 400;

const SLASH = Buffer.from('/');

/** What vanishes while it is counted is not counted. */
export async function diskUsage(root: string): Promise<DiskUsage> {
  const usage = { bytes: 0, inodes: 0 };
  const linked = new Set<number>();
  // Names are bytes here: some are no text.
  const directories: Buffer[] = [Buffer.from(root)];
  let batch = 0;
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    for (const name of namesIn(directory)) {
      const path = Buffer.concat([directory, SLASH, name]);
      const stats = statOf(path);
      if (++batch % BATCH === 0) await new Promise(resolve => setImmediate(resolve));
      if (stats === undefined) continue;
      usage.inodes++;
      if (stats.isDirectory()) {
        directories.push(path);
        continue;
      }
      if (stats.nlink > 1) {
        if (linked.has(stats.ino)) continue;
        linked.add(stats.ino);
      }
      usage.bytes += stats.size;
    }
  }
  return usage;
}

function namesIn(directory: Buffer): Buffer[] {
  try {
    return readdirSync(directory, { encoding: 'buffer' });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function statOf(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
