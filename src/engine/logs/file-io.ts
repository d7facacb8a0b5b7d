// What log files need of the file system. Little is read and written at once: the thread pool would take longer than the copy itself.
import { read, readdirSync, readSync, unlinkSync, write, writeSync } from 'node:fs';
import { errnoOf } from '../../lib/errors.ts';

const little = 64 * 1024;

/** How many bytes of [position, position + length) there were; less only at the end of the file. */
export async function readAt(fd: number, into: Buffer, at: number, length: number, position: number): Promise<number> {
  if (length <= little) return readSync(fd, into, at, length, position);
  return await new Promise((resolve, reject) => {
    read(fd, into, at, length, position, (error, count) => (error ? reject(error) : resolve(count)));
  });
}

export async function writeAt(fd: number, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const left = data.length - done;
    done +=
      left <= little
        ? writeSync(fd, data, done, left, position + done)
        : await new Promise<number>((resolve, reject) => {
            write(fd, data, done, left, position + done, (error, count) => (error ? reject(error) : resolve(count)));
          });
  }
}

/** What `act` returns, undefined if its file is not there. */
export function ifThere<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The names in a directory, sorted; none if there is no directory. */
export function sortedEntries(directory: string): string[] {
  return (ifThere(() => readdirSync(directory)) ?? []).sort();
}

export function unlinkIfThere(path: string): void {
  ifThere(() => unlinkSync(path));
}
