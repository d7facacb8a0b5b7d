// Where tests make their files: TMPDIR of every test process. It goes at the end of the run, however that comes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Short, because a unix socket's path may have 107 bytes.
export const makeScratch = (parent = tmpdir()) => mkdtempSync(join(parent, 'dt-'));

export function removeScratch(directory) {
  // Of a test that was killed: what is mounted is not ours to delete.
  for (const path of mountsBelow(directory).reverse()) spawnSync('umount', ['-l', path]);
  rmSync(directory, { recursive: true, force: true });
}

function mountsBelow(directory) {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => line.split(' ')[4])
    .filter(path => path?.startsWith(`${directory}/`));
}
