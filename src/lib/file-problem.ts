// What failed with a file, in the words that every Unix program uses: `open /x/y: no such file or directory`.
import { errnoOf } from './errors.ts';

const words: Record<string, string> = {
  EACCES: 'permission denied',
  EEXIST: 'file exists',
  EISDIR: 'is a directory',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  EROFS: 'read-only file system',
};

export function fileProblem(attempt: string, path: string, error: unknown): string {
  const text = words[errnoOf(error) ?? ''] ?? (error instanceof Error ? error.message : String(error));
  return `${attempt} ${path}: ${text}`;
}
