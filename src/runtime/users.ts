// Who a process is: `--user` and `--group-add` looked up in the container's own /etc/passwd and /etc/group.
import { closeSync, constants, fstatSync, readFileSync } from 'node:fs';
import { RootDirectory } from '../kernel/openat2.ts';
import { errnoOf, invalid } from '../lib/errors.ts';

export interface ResolvedUser {
  uid: number;
  gid: number;
  /** The primary group first, as Docker has it. */
  additionalGids: number[];
  /** For HOME. */
  home: string;
}

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

interface GroupEntry {
  name: string;
  gid: number;
  members: readonly string[];
}

/** Larger than any real one; a container must not fill the engine's memory with a file of its own making. */
const MAX_FILE_SIZE = 16 << 20;
const MAX_ID = 2 ** 31 - 1;

/** Looks `user` ("name", "uid", "user:group", ...; "" is root) up in the root file system at `rootfs`. */
export function resolveUser(rootfs: string, user: string, groupAdd: readonly string[] = []): ResolvedUser {
  using root = new RootDirectory(rootfs);
  return resolveUserIn(readDatabase(root, '/etc/passwd'), readDatabase(root, '/etc/group'), user, groupAdd);
}

/** The text of a user database; undefined where there is none. */
function readDatabase(root: RootDirectory, path: string): string | undefined {
  let fd: number;
  try {
    // A fifo of that name must not make us wait for its writer.
    fd = root.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EACCES'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return undefined;
    if (stat.size > MAX_FILE_SIZE) throw invalid(`${path} of the container is too large`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** As `resolveUser`, from the texts of the two files. */
export function resolveUserIn(
  passwd: string | undefined,
  group: string | undefined,
  user: string,
  groupAdd: readonly string[],
): ResolvedUser {
  const [userPart = '', groupPart = ''] = user.split(':');
  const uid = parseId(userPart);
  const gid = parseId(groupPart);

  const entry = parsePasswd(passwd ?? '').find(each =>
    userPart === '' ? each.uid === 0 : uid !== undefined ? each.uid === uid : each.name === userPart,
  );
  if (!entry && userPart !== '' && uid === undefined) {
    throw invalid(`unable to find user ${userPart}: no matching entries in passwd file`);
  }
  const groups = parseGroup(group ?? '');
  const resolved = { uid: entry?.uid ?? uid ?? 0, gid: entry?.gid ?? 0, home: entry?.home || '/' };
  const supplementary: number[] = [];
  if (groupPart !== '') {
    const wanted = findGroup(groups, groupPart, gid);
    resolved.gid = wanted;
  } else if (entry) {
    // Only an implicit group brings the others that the user is in.
    supplementary.push(...groups.filter(each => each.members.includes(entry.name)).map(each => each.gid));
  }
  const added = groupAdd.map(name => findGroup(groups, name, parseId(name)));
  return { ...resolved, additionalGids: [...new Set([resolved.gid, ...supplementary, ...added])] };
}

function findGroup(groups: readonly GroupEntry[], name: string, gid: number | undefined): number {
  const found = groups.find(each => (gid !== undefined ? each.gid === gid : each.name === name))?.gid ?? gid;
  if (found === undefined) throw invalid(`unable to find group ${name}: no matching entries in group file`);
  return found;
}

/** A whole number is always an id, even where a user has it as a name. */
function parseId(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (id < 0 || id > MAX_ID) throw invalid(`uids and gids must be in range 0-${MAX_ID}`);
  return id;
}

function fieldsOf(text: string): string[][] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .map(line => line.split(':'));
}

const numberOr0 = (text: string | undefined) => (text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : 0);

function parsePasswd(text: string): PasswdEntry[] {
  return fieldsOf(text).map(([name = '', , uid, gid, , home = '']) => ({
    name,
    uid: numberOr0(uid),
    gid: numberOr0(gid),
    home,
  }));
}

function parseGroup(text: string): GroupEntry[] {
  return fieldsOf(text)
    .filter(([name]) => !name?.startsWith('#'))
    .map(([name = '', , gid, members = '']) => ({
      name,
      gid: numberOr0(gid),
      members: members === '' ? [] : members.split(','),
    }));
}
