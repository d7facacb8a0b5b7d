// Keys that the kernel keeps in memory for a user: never on disk, gone when the machine goes down.
import { check, cstring, errno, KernelError, libc } from './libc.ts';

const numeric = libc({ syscall: ['i64', 'i64', 'i64', 'i64', 'i64', 'i64'] }, 'long');
const addKey = libc({ syscall: ['i64', 'ptr', 'ptr', 'ptr', 'u64', 'i64'] }, 'long');
const search = libc({ syscall: ['i64', 'i64', 'i64', 'ptr', 'ptr', 'i64'] }, 'long');
const readInto = libc({ syscall: ['i64', 'i64', 'i64', 'ptr', 'u64', 'i64'] }, 'long');

const isArm = process.arch === 'arm64';
const SYS_ADD_KEY = isArm ? 217 : 248;
const SYS_KEYCTL = isArm ? 219 : 250;

const PROCESS_KEYRING = -2;
const USER_KEYRING = -4;
const KEYCTL_SETPERM = 5;
const KEYCTL_LINK = 8;
const KEYCTL_UNLINK = 9;
const KEYCTL_SEARCH = 10;
const KEYCTL_READ = 11;

/** The possessor may do anything; other processes of the user may view, read, search and link it. */
const PERMISSIONS = 0x3f1b0000;

const ENOKEY = 126;
const EKEYEXPIRED = 127;
const EKEYREVOKED = 128;
const MAX_KEY = 32_767;

/** Makes the user's keys ours to use: a session that was not begun by a login does not have them by itself. */
function possessUserKeyring(): void {
  const linked = numeric.syscall(SYS_KEYCTL, KEYCTL_LINK, USER_KEYRING, PROCESS_KEYRING, 0, 0);
  check(linked, 'keyctl link', 'user keyring');
}

/** Undefined if the user has no key of this name. Throws KernelError where there are no keyrings (some containers). */
export function readUserKey(name: string): Buffer | undefined {
  const id = findUserKey(name);
  if (id === undefined) return undefined;
  const bytes = Buffer.alloc(MAX_KEY);
  const length = check(readInto.syscall(SYS_KEYCTL, KEYCTL_READ, id, bytes, bytes.length, 0), 'keyctl read', name);
  return bytes.subarray(0, length);
}

/** Adds or replaces a key of the user. */
export function writeUserKey(name: string, content: Uint8Array): void {
  possessUserKeyring();
  const id = addKey.syscall(SYS_ADD_KEY, cstring('user'), cstring(name), content, content.length, USER_KEYRING);
  check(id, 'add_key', name);
  check(numeric.syscall(SYS_KEYCTL, KEYCTL_SETPERM, id, PERMISSIONS, 0, 0), 'keyctl setperm', name);
}

/** Nothing happens if there is none. */
export function removeUserKey(name: string): void {
  const id = findUserKey(name);
  if (id === undefined) return;
  check(numeric.syscall(SYS_KEYCTL, KEYCTL_UNLINK, id, USER_KEYRING, 0, 0), 'keyctl unlink', name);
}

function findUserKey(name: string): number | undefined {
  possessUserKeyring();
  const id = search.syscall(SYS_KEYCTL, KEYCTL_SEARCH, USER_KEYRING, cstring('user'), cstring(name), 0);
  if (id >= 0) return id;
  const number = errno();
  if (number === ENOKEY || number === EKEYEXPIRED || number === EKEYREVOKED) return undefined;
  throw new KernelError('keyctl search', number, name);
}
