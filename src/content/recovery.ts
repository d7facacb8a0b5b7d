// After a power cut: content whose last bytes may never have reached the disk is checked, and dropped if it is not whole.
import { createReadStream, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { log } from '../lib/logger.ts';
import type { ContentLayout } from './layout.ts';

/** `since` is in milliseconds since 1970. The kernel sets a file's change time; nobody can set it back. */
export async function dropSuspects(layout: ContentLayout, since: number): Promise<void> {
  for (const name of readdirSync(layout.blobs)) {
    const path = `${layout.blobs}/${name}`;
    if (lstatSync(path).ctimeMs < since || (await hashOf(path)) === name) continue;
    log.warn('a blob was damaged when the machine went down; it has to be loaded or pulled again', { digest: name });
    rmSync(path);
  }
  for (const name of readdirSync(layout.layers)) {
    // A layer can't be checked, but it can be unpacked again from its blob.
    if (lstatSync(`${layout.layers}/${name}`).ctimeMs < since) continue;
    renameSync(`${layout.layers}/${name}`, `${layout.removing}/${name}-${Date.now()}`);
  }
}

async function hashOf(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hasher.update(chunk as Buffer);
  return hasher.digest('hex');
}
