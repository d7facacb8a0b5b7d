import { expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { CgroupFixture } from './fixture.ts';
import { cgroupAt, findHierarchy, handDownControllers, parseMountInfo } from './hierarchy.ts';

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

test('in a container of version 2 the processes step aside before controllers are handed down', () => {
  using fixture = new CgroupFixture({
    'cgroup.type': 'domain\n',
    'cgroup.controllers': 'cpu memory\n',
    'cgroup.subtree_control': 'cpu\n',
    'cgroup.procs': '1\n',
  });
  handDownControllers(fixture.root);
  expect(readFileSync(`${fixture.root}/init/cgroup.procs`, 'utf8')).toBe('1');
  expect(readFileSync(`${fixture.root}/cgroup.subtree_control`, 'utf8')).toBe('+memory');
});

test('the real root, and one that has handed down all, are left alone', () => {
  using real = new CgroupFixture({
    'cgroup.controllers': 'cpu\n',
    'cgroup.subtree_control': '',
    'cgroup.procs': '1\n',
  });
  handDownControllers(real.root);
  expect(readFileSync(`${real.root}/cgroup.subtree_control`, 'utf8')).toBe('+cpu');
  expect(existsSync(`${real.root}/init`)).toBe(false);
  using done = new CgroupFixture({
    'cgroup.type': 'domain\n',
    'cgroup.controllers': 'cpu\n',
    'cgroup.subtree_control': 'cpu\n',
    'cgroup.procs': '1\n',
  });
  handDownControllers(done.root);
  expect(existsSync(`${done.root}/init`)).toBe(false);
});
