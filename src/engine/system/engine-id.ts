// The identity of an engine: it belongs to the data root and outlives every daemon that runs on it.
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../lib/errors.ts';

export function engineId(dataRoot: string): string {
  const path = join(dataRoot, 'engine-id');
  const known = readId(path);
  if (known !== '') return known;
  const id = randomUUID();
  writeFileSync(`${path}.new`, id, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
  return id;
}

function readId(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
