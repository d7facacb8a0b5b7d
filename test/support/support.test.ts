import { expect, test } from 'bun:test';
import { existsSync, mkdirSync } from 'node:fs';
import { startEngine } from './engine.ts';
import { findLeftovers, MARK, removeLeftovers } from './leftovers.ts';
import { makeRoots } from './roots.ts';
import { until } from './until.ts';

test('until tells what did not come, and what was seen last', async () => {
  const never = until(() => 0, { what: 'a unicorn', within: 20 });
  expect(never).rejects.toThrow(/a unicorn \(last: 0\)/);
});

test('until waits through errors', async () => {
  let calls = 0;
  const value = await until(() => {
    if (++calls < 3) throw new Error('not yet');
    return calls;
  });
  expect(value).toBe(3);
});

test('an engine that leaves processes, mounts or cgroups behind is found out, and swept', async () => {
  const roots = makeRoots();
  const sleeper = Bun.spawn(['sleep', '1000'], { env: { ...process.env, [MARK]: roots.base } });
  mkdirSync(roots.dataRoot);
  Bun.spawnSync(['mount', '-t', 'tmpfs', 'tmpfs', roots.dataRoot]);
  const hierarchy = existsSync('/sys/fs/cgroup/cgroup.controllers') ? '/sys/fs/cgroup' : '/sys/fs/cgroup/pids';
  const cgroup = `${hierarchy}${roots.cgroupParent}/container`;
  mkdirSync(cgroup, { recursive: true });
  try {
    await until(() => findLeftovers(roots).processes[0]?.command === 'sleep 1000');
    expect(findLeftovers(roots)).toEqual({
      processes: [{ pid: sleeper.pid, command: 'sleep 1000' }],
      mounts: [roots.dataRoot],
      cgroups: [cgroup],
      interfaces: [],
      tables: [],
    });
  } finally {
    await removeLeftovers(roots);
  }
  expect(findLeftovers(roots)).toEqual({ processes: [], mounts: [], cgroups: [], interfaces: [], tables: [] });
  expect({ base: existsSync(roots.base), cgroup: existsSync(cgroup) }).toEqual({ base: false, cgroup: false });
});

test('an engine that is given up leaves nothing, not even a paused container', async () => {
  const engine = await startEngine();
  await engine.output('run', '-d', '--network', 'none', '--name', 'frozen', 'busybox', 'sleep', '1000');
  await engine.output('pause', 'frozen');
  await engine.abandon();
  expect(findLeftovers(engine.roots)).toEqual({ processes: [], mounts: [], cgroups: [], interfaces: [], tables: [] });
});
