import { expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { freeze, pidsIn, removeCgroup, thaw } from './control.ts';
import { CgroupFixture } from './fixture.ts';
import { type Cgroup, cgroupAt } from './hierarchy.ts';

function v2(fixture: CgroupFixture): Cgroup {
  const { root } = fixture;
  return cgroupAt({ version: 2, mounts: { memory: root, pids: root }, trees: [root], unified: root }, '/c');
}

function v1(fixture: CgroupFixture): Cgroup {
  const mounts = { freezer: `${fixture.root}/freezer`, memory: `${fixture.root}/memory` };
  return cgroupAt({ version: 1, mounts, trees: Object.values(mounts), unified: undefined }, '/c');
}

test('processes of cgroups below belong to it', () => {
  using fixture = new CgroupFixture({
    'c/cgroup.procs': '12\n7\n',
    'c/inner/cgroup.procs': '30\n',
    'c/inner/deeper/cgroup.procs': '8\n',
  });
  expect(pidsIn(v2(fixture))).toEqual([7, 8, 12, 30]);
  using old = new CgroupFixture({ 'freezer/c/cgroup.procs': '5\n', 'memory/c/cgroup.procs': '5\n6\n' });
  expect(pidsIn(v1(old))).toEqual([5]);
});

test('a cgroup that has gone has no processes', () => {
  using fixture = new CgroupFixture({});
  expect(pidsIn(v2(fixture))).toEqual([]);
});

test('freezing and thawing write what each version wants', async () => {
  using fixture = new CgroupFixture({ 'c/cgroup.events': 'populated 1\nfrozen 1\n', 'c/cgroup.freeze': '0' });
  await freeze(v2(fixture));
  expect(readFileSync(`${fixture.root}/c/cgroup.freeze`, 'utf8')).toBe('1');
  thaw(v2(fixture));
  expect(readFileSync(`${fixture.root}/c/cgroup.freeze`, 'utf8')).toBe('0');
  using old = new CgroupFixture({ 'freezer/c/freezer.state': 'THAWED\n' });
  await freeze(v1(old));
  expect(readFileSync(`${old.root}/freezer/c/freezer.state`, 'utf8')).toBe('FROZEN');
});

test('removal takes what is below, and nothing is fine too', () => {
  using fixture = new CgroupFixture({ 'other/x': '' });
  expect(removeCgroup(v2(fixture))).toBe(true);
  mkdirSync(`${fixture.root}/c/inner/deeper`, { recursive: true });
  mkdirSync(`${fixture.root}/c/beside`);
  expect(removeCgroup(v2(fixture))).toBe(true);
  expect(existsSync(`${fixture.root}/c`)).toBe(false);
  expect(existsSync(`${fixture.root}/other`)).toBe(true);
});

test('a cgroup stays while one below it is in use', () => {
  using fixture = new CgroupFixture({ 'c/inner/used': '' });
  expect(removeCgroup(v2(fixture))).toBe(false);
  expect(existsSync(`${fixture.root}/c/inner`)).toBe(true);
});
