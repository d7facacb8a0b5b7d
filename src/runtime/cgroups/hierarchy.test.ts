import { expect, test } from 'bun:test';
import { CgroupFixture } from './fixture.ts';
import { cgroupAt, containerCgroupPath, findHierarchy, parseMountInfo } from './hierarchy.ts';

test('mount points with blanks are read right, and the tags of propagation', () => {
  const [mount] = parseMountInfo(
    '36 35 98:0 /a\\040b /mnt/x\\011y rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n',
  );
  expect(mount).toEqual({
    root: '/a b',
    mountPoint: '/mnt/x\ty',
    type: 'ext3',
    tags: ['shared:1', 'master:2'],
    superOptions: ['rw', 'errors=continue'],
  });
});

test('one tree for all controllers is version 2', () => {
  using fixture = new CgroupFixture({ 'cgroup.controllers': 'cpuset cpu io memory pids\n' });
  const { root } = fixture;
  const hierarchy = findHierarchy(parseMountInfo(fixture.mounts({ '': 'cgroup2' })), root);
  expect(hierarchy).toEqual({
    version: 2,
    mounts: { cpuset: root, cpu: root, io: root, memory: root, pids: root },
    trees: [root],
    unified: root,
  });
  expect(cgroupAt(hierarchy, '/docker/abc').directories['memory']).toBe(`${root}/docker/abc`);
});

test('a tree per controller is version 1, a v2 tree beside them or not', () => {
  using fixture = new CgroupFixture({ 'unified/cgroup.controllers': '\n' });
  const { root } = fixture;
  const text = fixture.mounts({
    '/memory': 'cgroup',
    '/cpu,cpuacct': 'cgroup',
    '/name=x': 'cgroup',
    '/unified': 'cgroup2',
  });
  const elsewhere = '99 24 0:99 / /mnt/memory rw - cgroup cgroup rw,memory';
  const hierarchy = findHierarchy(parseMountInfo(`${elsewhere}\n${text}`), root);
  expect(hierarchy.version).toBe(1);
  expect(hierarchy.mounts).toEqual({
    memory: `${root}/memory`,
    cpu: `${root}/cpu,cpuacct`,
    cpuacct: `${root}/cpu,cpuacct`,
  });
  expect(hierarchy.trees).toHaveLength(4);
  expect(hierarchy.unified).toBe(`${root}/unified`);
});

test('a container’s place is below its parent, and never above the root', () => {
  expect(containerCgroupPath('abc', undefined, undefined)).toBe('/docker/abc');
  expect(containerCgroupPath('abc', undefined, 'engine')).toBe('/engine/abc');
  expect(containerCgroupPath('abc', '/jobs/one/', '/engine')).toBe('/jobs/one/abc');
  expect(containerCgroupPath('abc', '../../../x/../y', undefined)).toBe('/y/abc');
});
