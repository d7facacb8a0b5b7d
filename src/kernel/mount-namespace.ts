// A mount namespace for the calling thread alone: what it mounts, nobody else sees, and it is gone with the thread.
// The thread also gets a root and a working directory of its own. Other threads of the process stay where they were, so from
// then on only synchronous calls of the file system may be used.
import { check, libc } from './libc.ts';
import { MS_PRIVATE, MS_REC, mount } from './mount.ts';

const { unshare } = libc({ unshare: ['i32'] });

const CLONE_NEWNS = 0x00020000;

export function enterOwnMountNamespace(): void {
  check(unshare(CLONE_NEWNS), 'unshare', 'mount namespace');
  // Or the container's mounts would appear, and disappear, in the host's namespace too.
  mount('', '/', '', MS_REC | MS_PRIVATE);
}
