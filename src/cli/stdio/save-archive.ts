// An archive to a file or to stdout: `export`, `save`, `cp ... -`.
import { rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../lib/errors.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { ExitError } from '../framework/errors.ts';
import { openStreamOutput } from './stream-output.ts';

/** `failure` begins the message of a file that can't be written. */
export async function saveArchive(file: string, failure: string, open: () => Promise<ByteSource>): Promise<void> {
  if (file === '') {
    const { isTerminal } = await import('./terminal.ts');
    if (isTerminal(1)) {
      throw new ExitError(1, 'cowardly refusing to save to a terminal. Use the -o flag or redirect');
    }
    return copyToStdout(await open());
  }
  await checkTarget(file, failure);
  const source = await open();
  // The name appears when the archive is whole; a special file (/dev/null, a pipe) can only be written as it is.
  const special = !(await isRegularOrMissing(file));
  const target = special ? file : `${file}.${process.pid}.partial`;
  const writer = Bun.file(target).writer({ highWaterMark: 1024 * 1024 });
  try {
    for await (const chunk of source) await writer.write(chunk);
    await writer.end();
    if (!special) await rename(target, file);
  } catch (error) {
    if (!special) await rm(target, { force: true });
    throw error;
  }
}

export async function copyToStdout(source: ByteSource): Promise<void> {
  const output = await openStreamOutput(1);
  for await (const chunk of source) await output.write(chunk);
  await output.flush();
}

async function checkTarget(file: string, failure: string): Promise<void> {
  const directory = dirname(file);
  const parent = await statOf(directory);
  if (!parent) throw new ExitError(1, `${failure}: invalid output path: stat ${directory}: no such file or directory`);
  if (!parent.isDirectory()) throw new ExitError(1, `${failure}: invalid output path: not a directory: "${directory}"`);
  if ((await statOf(file))?.isDirectory()) {
    throw new ExitError(1, `${failure}: cannot write to a directory`);
  }
}

async function isRegularOrMissing(file: string): Promise<boolean> {
  return (await statOf(file))?.isFile() ?? true;
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
