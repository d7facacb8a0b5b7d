// A layer's archive may leave out directories that a layer below has. Overlayfs shows the upper one, so it must look like
// the one below. Links in either layer are resolved inside it.
import { closeSync, constants, fchmodSync, fchownSync, type Stats } from 'node:fs';
import { setTimes } from '../kernel/files.ts';
import { RootDirectory } from '../kernel/openat2.ts';
import { errnoOf } from '../lib/errors.ts';

const BATCH = 100;

/** `implied` are paths in `layer` ('' is its root); `below` are the directories of the layers under it, topmost first. */
export async function dressImplied(layer: string, implied: readonly string[], below: readonly string[]): Promise<void> {
  if (implied.length === 0 || below.length === 0) return;
  using own = new RootDirectory(layer);
  using models = new LayersBelow(below);
  for (const [index, path] of implied.entries()) {
    if (index % BATCH === BATCH - 1) await new Promise(resolve => setImmediate(resolve));
    const model = models.look(path);
    if (model) dress(own, path, model);
  }
}

class LayersBelow implements Disposable {
  readonly #opened: RootDirectory[] = [];

  constructor(private readonly directories: readonly string[]) {}

  look(path: string): Stats | undefined {
    for (const [height, directory] of this.directories.entries()) {
      // Mostly the first one has it: the others need not be opened.
      this.#opened[height] ??= new RootDirectory(directory);
      try {
        const stats = this.#opened[height].lstat(path);
        // A whiteout, or a file in its place: what lies further below is hidden.
        return stats.isDirectory() ? stats : undefined;
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR' && errnoOf(error) !== 'ELOOP') throw error;
      }
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    for (const directory of this.#opened) directory[Symbol.dispose]();
  }
}

function dress(layer: RootDirectory, path: string, { uid, gid, mode, mtimeMs }: Stats): void {
  const fd = layer.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fchownSync(fd, uid, gid);
    fchmodSync(fd, mode & 0o7777);
    const modified = BigInt(Math.trunc(mtimeMs)) * 1_000_000n;
    setTimes(fd, modified, modified);
  } finally {
    closeSync(fd);
  }
}
