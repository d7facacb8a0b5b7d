// --cidfile: the file is there before the container is, and goes again if there is none.
import { open, unlink } from 'node:fs/promises';
import { errnoOf } from '../../../lib/errors.ts';
import { fileProblem } from '../../../lib/file-problem.ts';
import { ExitError } from '../../framework/errors.ts';

export interface IdFile {
  write(id: string): Promise<void>;
  close(): Promise<void>;
}

export async function reserveIdFile(path: string): Promise<IdFile> {
  const file = await open(path, 'wx').catch(error => {
    if (errnoOf(error) === 'EEXIST') {
      throw new ExitError(1, `container ID file found, make sure the other container isn't running or delete ${path}`);
    }
    throw new ExitError(1, `failed to create the container ID file: ${fileProblem('open', path, error)}`);
  });
  let written = false;
  return {
    async write(id) {
      await file.writeFile(id);
      written = true;
    },
    async close() {
      await file.close();
      if (!written) await unlink(path);
    },
  };
}
