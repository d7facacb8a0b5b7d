import { RootDirectory } from '../../kernel/openat2.ts';
import { failed, messageOf } from '../../lib/errors.ts';

/** The working directory exists when the first process starts, whether the image brought it or not. */
export function ensureWorkingDirectory(rootfs: string, directory: string): void {
  try {
    using root = new RootDirectory(rootfs);
    root.mkdirAll(directory, 0o755);
  } catch (error) {
    throw failed(`cannot make the working directory ${directory}: ${messageOf(error)}`, error);
  }
}
