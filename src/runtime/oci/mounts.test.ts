import { expect, test } from 'bun:test';
import type { HostConfig } from '../../wire/types.ts';
import { parseMountInfo } from '../cgroups/hierarchy.ts';
import { containerMounts, rootPropagation, tmpfsMount } from './mounts.ts';
import type { OciMount } from './types.ts';

const bind = (destination: string, ...options: string[]): OciMount => ({
  destination,
  type: 'bind',
  source: '/src',
  options: ['rbind', ...options],
});
const mounts = (hostConfig: HostConfig, user: OciMount[] = [], more: { sharedShm?: string } = {}) =>
  containerMounts({ hostConfig, mounts: user, shmSize: 1000, ...more });
const at = (list: readonly OciMount[], path: string) => list.filter(mount => mount.destination === path);

test('a mount of the user’s takes the place of a default one', () => {
  expect(at(mounts({}, [bind('/dev/shm')]), '/dev/shm')).toEqual([bind('/dev/shm')]);
  const list = mounts({}, [bind('/dev')]);
  expect(at(list, '/dev/pts')).toEqual([]);
  expect(at(list, '/proc')).toHaveLength(1);
});

test('outer mounts come before inner ones', () => {
  const list = mounts({ Tmpfs: { '/a/b': '' } }, [bind('/a/b/c'), bind('/a')]);
  expect(list.slice(-3).map(mount => mount.destination)).toEqual(['/a', '/a/b', '/a/b/c']);
});

test('shared memory is private, shared or absent', () => {
  expect(at(mounts({}), '/dev/shm')[0]).toMatchObject({ type: 'tmpfs' });
  expect(at(mounts({ IpcMode: 'none' }), '/dev/shm')).toEqual([]);
  expect(at(mounts({}, [], { sharedShm: '/run/shm' }), '/dev/shm')).toEqual([
    { destination: '/dev/shm', type: 'bind', source: '/run/shm', options: ['rbind', 'rprivate'] },
  ]);
});

test('a read-only container keeps what programs must write to, and the user’s own mounts', () => {
  const list = mounts({ ReadonlyRootfs: true }, [bind('/data')]);
  const readonly = list.filter(mount => mount.options?.includes('ro')).map(mount => mount.destination);
  expect(readonly).toEqual(['/sys', '/sys/fs/cgroup']);
});

test('tmpfs options turn Docker’s round; the last one counts', () => {
  expect(tmpfsMount('/t', '').options).toEqual(['noexec', 'nosuid', 'nodev', 'rprivate']);
  expect(tmpfsMount('/t', 'exec,size=1k,size=2k,defaults,rw').options).toEqual([
    'nosuid',
    'nodev',
    'rprivate',
    'exec',
    'size=2k',
    'rw',
  ]);
  expect(tmpfsMount('/t', 'rshared').options).toEqual(['noexec', 'nosuid', 'nodev', 'rshared']);
  expect(() => tmpfsMount('/t', 'frob')).toThrow('invalid tmpfs option "frob"');
  expect(() => tmpfsMount('/t', 'frob=1')).toThrow('invalid tmpfs option "frob"');
});

test('propagation needs a source that propagates', () => {
  const table = (tags: string) => () => parseMountInfo(`1 0 8:1 / / rw ${tags} - ext4 /dev/sda rw`);
  const source = (option: string) => [{ ...bind('/x', option), source: '/' }];
  expect(rootPropagation(source('rprivate'), table(''))).toBeUndefined();
  expect(rootPropagation(source('rshared'), table('shared:1'))).toBe('shared');
  expect(rootPropagation(source('rslave'), table('master:1'))).toBe('rslave');
  expect(() => rootPropagation(source('rshared'), table('master:1'))).toThrow(
    'path / is mounted on / but it is not a shared mount',
  );
  expect(() => rootPropagation(source('slave'), table(''))).toThrow('not a shared or slave mount');
});
