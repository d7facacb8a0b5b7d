import { expect, test } from 'bun:test';
import { startFailure } from './oci-runtime.ts';

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
