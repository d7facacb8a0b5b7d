import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { closeSync, constants, existsSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { OciRuntime } from './conmon.ts';
import { startFailure, startForgotten } from './oci-runtime.ts';

test.each([
  [
    'executable file `nope` not found in $PATH: No such file or directory',
    127,
    'exec: "nope": executable file not found',
  ],
  ['open executable: Permission denied', 126, 'exec: "nope": permission denied'],
  ['open executable: Operation not permitted', 126, 'exec: "nope": permission denied'],
  ['chdir `/away`: No such file or directory', 127, 'chdir to cwd ("/away") failed: no such file or directory'],
  ['chdir `/etc/passwd`: Not a directory', 127, 'chdir to cwd ("/etc/passwd") failed: not a directory'],
  ['chdir `/root`: Permission denied', 126, 'chdir to cwd ("/root") failed: permission denied'],
  ['mount `/host/dir` to `etc/passwd`: Not a directory', 125, 'mount a directory onto a file'],
  ['openat2 `proc/x`: No such file or directory', 125, 'openat2 `proc/x`: No such file'],
  ['exec container process `/x`: Exec format error', 126, 'exec: "nope": exec format error'],
  ['openat2 `sys/fs/cgroup/cpu`: Too many open files', 125, 'Too many open files'],
])('%s', (said, exitCode, message) => {
  expect(startFailure(said, 'nope')).toEqual({ exitCode: exitCode as 125, message: expect.stringContaining(message) });
});

describe('an init that was stored as running', () => {
  let state: string;
  let runtime: OciRuntime;
  const fifo = () => `${state}/it/exec.fifo`;
  const listen = () => openSync(fifo(), constants.O_RDONLY | constants.O_NONBLOCK);
  /** What it was told, as its init hears it. */
  const heard = (fd: number) => {
    const length = readSync(fd, Buffer.alloc(8));
    closeSync(fd);
    return length;
  };
  beforeEach(() => {
    state = mkdtempSync(`${tmpdir()}/crun-state-`);
    runtime = { name: 'crun', path: '/nosuch/crun', args: [], crunState: state };
    mkdirSync(`${state}/it`);
    Bun.spawnSync(['mkfifo', fifo()]);
  });
  afterEach(() => rmSync(state, { recursive: true }));

  test('and waits is let go', async () => {
    const init = listen();
    expect(await startForgotten(runtime, 'it')).toBe(true);
    expect([heard(init), existsSync(fifo())]).toEqual([1, false]);
  });

  test('and has gone on is left alone, its fifo goes', async () => {
    expect(await startForgotten(runtime, 'it')).toBe(false);
    expect(existsSync(fifo())).toBe(false);
    expect(await startForgotten(runtime, 'it')).toBe(false);
  });

  test('has been told by the time its fifo goes: nobody could tell it after that', async () => {
    const init = listen();
    // What is mounted can't be unlinked: that is as far as a daemon gets that is killed here.
    Bun.spawnSync(['mount', '--bind', fifo(), fifo()]);
    await expect(startForgotten(runtime, 'it')).rejects.toThrow('EBUSY');
    Bun.spawnSync(['umount', fifo()]);
    expect(heard(init)).toBe(1);
  });
});
