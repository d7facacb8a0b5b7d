import { expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveUser, resolveUserIn } from './users.ts';

const passwd = `
root:x:0:0:root:/root:/bin/sh
bob:x:1000:1001:Bob:/home/bob:/bin/sh
1337:x:5:5::/:
odd:x
`;
const group = `
# a comment
root:x:0:
wheel:x:10:root,bob
audio:x:29:bob
staff:x:50:
`;
const resolve = (user: string, groupAdd: string[] = []) => resolveUserIn(passwd, group, user, groupAdd);

test('nobody in particular is root, with its groups', () => {
  expect(resolve('')).toEqual({ uid: 0, gid: 0, home: '/root', additionalGids: [0, 10] });
});

test('a name or a number brings group, home and supplementary groups', () => {
  const bob = { uid: 1000, gid: 1001, home: '/home/bob', additionalGids: [1001, 10, 29] };
  expect(resolve('bob')).toEqual(bob);
  expect(resolve('1000')).toEqual(bob);
});

test('an explicit group is the only one', () => {
  expect(resolve('bob:staff')).toEqual({ uid: 1000, gid: 50, home: '/home/bob', additionalGids: [50] });
  expect(resolve('bob:4242').gid).toBe(4242);
  expect(resolve(':staff')).toMatchObject({ uid: 0, gid: 50 });
});

test('numbers need no entry, and are never taken for names', () => {
  expect(resolve('1337')).toEqual({ uid: 1337, gid: 0, home: '/', additionalGids: [0] });
  expect(resolveUserIn(undefined, undefined, '7:8', [])).toMatchObject({ uid: 7, gid: 8 });
});

test('--group-add takes names and numbers, each group once', () => {
  expect(resolve('bob', ['staff', '10', '4242']).additionalGids).toEqual([1001, 10, 29, 50, 4242]);
});

test('what is not there is said in Docker’s words', () => {
  expect(() => resolve('eve')).toThrow('unable to find user eve: no matching entries in passwd file');
  expect(() => resolve('bob:eve')).toThrow('unable to find group eve: no matching entries in group file');
  expect(() => resolve('', ['eve'])).toThrow('unable to find group eve: no matching entries in group file');
  expect(() => resolve('-1')).toThrow('uids and gids must be in range 0-2147483647');
  expect(() => resolve('99999999999')).toThrow('uids and gids must be in range 0-2147483647');
});

test('the files are the container’s own, whatever links it has', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'users-'));
  try {
    mkdirSync(join(scratch, 'root/etc'), { recursive: true });
    mkdirSync(join(scratch, 'root/real'));
    writeFileSync(join(scratch, 'passwd'), 'eve:x:0:0::/:\n');
    writeFileSync(join(scratch, 'root/real/passwd'), 'bob:x:1000:1000::/:\n');
    symlinkSync('../../../../real/passwd', join(scratch, 'root/etc/passwd'));
    expect(resolveUser(join(scratch, 'root'), 'bob').uid).toBe(1000);
    rmSync(join(scratch, 'root/etc/passwd'));
    symlinkSync(join(scratch, 'passwd'), join(scratch, 'root/etc/passwd'));
    expect(() => resolveUser(join(scratch, 'root'), 'eve')).toThrow('unable to find user eve');
  } finally {
    rmSync(scratch, { recursive: true });
  }
});
