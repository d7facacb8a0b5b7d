import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { CgroupFixture } from './fixture.ts';
import { type Cgroup, cgroupAt } from './hierarchy.ts';
import { updateCgroup, weightOfShares } from './update.ts';

function v2(fixture: CgroupFixture): { cgroup: Cgroup; read: (file: string) => string } {
  const { root } = fixture;
  const mounts = { cpu: root, memory: root, pids: root, cpuset: root, io: root };
  return {
    cgroup: cgroupAt({ version: 2, mounts, trees: [root], unified: root }, '/c'),
    read: file => readFileSync(`${root}/c/${file}`, 'utf8'),
  };
}

test('version 2 counts swap apart and keeps the half of cpu.max that was not named', () => {
  using fixture = new CgroupFixture({ 'c/cpu.max': '20000 100000\n', 'c/memory.max': '1000\n' });
  const { cgroup, read } = v2(fixture);
  updateCgroup(cgroup, { Memory: 64 << 20, MemorySwap: 96 << 20, CpuPeriod: 50_000, CpuShares: 1024, PidsLimit: 0 });
  expect(read('memory.max')).toBe(String(64 << 20));
  expect(read('memory.swap.max')).toBe(String(32 << 20));
  expect(read('cpu.max')).toBe('20000 50000');
  expect(read('cpu.weight')).toBe('39');
  expect(read('pids.max')).toBe('max');
});

test('version 2 takes --cpus as a share of a tenth of a second, and swap without end', () => {
  using fixture = new CgroupFixture({ 'c/cpu.max': 'max 100000\n' });
  const { cgroup, read } = v2(fixture);
  updateCgroup(cgroup, { NanoCpus: 1.5e9, Memory: 8 << 20, MemorySwap: -1 });
  expect(read('cpu.max')).toBe('150000 100000');
  expect(read('memory.swap.max')).toBe('max');
});

test('weights cover the range of shares', () => {
  expect([0, 2, 1024, 262144].map(weightOfShares)).toEqual([1, 1, 39, 10000]);
});

test('version 1 has a file of its own for each', () => {
  using fixture = new CgroupFixture({
    'memory/c/memory.memsw.limit_in_bytes': '1000\n',
    'cpu/c/cpu.shares': '1024',
    'pids/c/pids.max': 'max',
    'cpuset/c/cpuset.cpus': '0-1',
  });
  const names = ['memory', 'cpu', 'pids', 'cpuset'];
  const mounts = Object.fromEntries(names.map(name => [name, `${fixture.root}/${name}`]));
  const cgroup = cgroupAt({ version: 1, mounts, trees: Object.values(mounts), unified: undefined }, '/c');
  updateCgroup(cgroup, { Memory: 8 << 20, MemorySwap: 16 << 20, CpuShares: 512, PidsLimit: 9, CpusetCpus: '1' });
  const read = (path: string) => readFileSync(`${fixture.root}/${path}`, 'utf8');
  expect(read('memory/c/memory.limit_in_bytes')).toBe(String(8 << 20));
  expect(read('memory/c/memory.memsw.limit_in_bytes')).toBe(String(16 << 20));
  expect(read('cpu/c/cpu.shares')).toBe('512');
  expect(read('pids/c/pids.max')).toBe('9');
  expect(read('cpuset/c/cpuset.cpus')).toBe('1');
  expect(() => updateCgroup(cgroup, { BlkioWeight: 100 })).toThrow('the cgroup controller blkio is not there');
});
