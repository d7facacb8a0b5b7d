import { expect, test } from 'bun:test';
import { CgroupFixture } from './fixture.ts';
import { cgroupAt } from './hierarchy.ts';
import { readNetworkStats, readStats } from './stats.ts';

const GIB = 2 ** 30;
const procStat =
  'cpu  100 10 50 800 20 5 15 0 0 0\ncpu0 50 5 25 400 10 2 8 0 0 0\ncpu1 50 5 25 400 10 3 7 0 0 0\nintr 1\n';

test('version 2: units, keys and limits as Docker gives them', () => {
  using fixture = new CgroupFixture({
    'proc-stat': procStat,
    'c/cpu.stat':
      'usage_usec 5000\nuser_usec 3000\nsystem_usec 2000\nnr_periods 4\nnr_throttled 3\nthrottled_usec 70\n',
    'c/memory.current': '4096\n',
    'c/memory.max': 'max\n',
    'c/memory.stat': 'anon 1000\nfile 2000\ninactive_file 500\nunheard_of 1\n',
    'c/memory.events': 'low 0\nhigh 0\nmax 5\noom 2\noom_kill 1\n',
    'c/io.stat': '8:0 rbytes=100 wbytes=200 rios=3 wios=4 dbytes=0 dios=0\n254:16 rbytes=1 wbytes=2 rios=1 wios=1\n',
    'c/pids.current': '3\n',
    'c/pids.max': '50\n',
  });
  const { root } = fixture;
  const cgroup = cgroupAt({ version: 2, mounts: { pids: root, memory: root }, trees: [root], unified: root }, '/c');
  const stats = readStats(cgroup, GIB, `${root}/proc-stat`);
  expect(stats.cpu_stats).toEqual({
    cpu_usage: { total_usage: 5_000_000, usage_in_kernelmode: 2_000_000, usage_in_usermode: 3_000_000 },
    throttling_data: { periods: 4, throttled_periods: 3, throttled_time: 70_000 },
    system_cpu_usage: 10_000_000_000,
    online_cpus: 2,
  });
  expect(stats.memory_stats).toMatchObject({ usage: 4096, limit: GIB, failcnt: 2 });
  expect(stats.memory_stats.stats).toMatchObject({ anon: 1000, file: 2000, inactive_file: 500, slab: 0 });
  expect(stats.memory_stats.stats).not.toHaveProperty('unheard_of');
  expect(stats.pids_stats).toEqual({ current: 3, limit: 50 });
  expect(stats.blkio_stats.io_service_bytes_recursive).toEqual([
    { major: 8, minor: 0, op: 'read', value: 100 },
    { major: 8, minor: 0, op: 'write', value: 200 },
    { major: 254, minor: 16, op: 'read', value: 1 },
    { major: 254, minor: 16, op: 'write', value: 2 },
  ]);
  expect(stats.blkio_stats.io_serviced_recursive).toBeNull();
});

test('version 2: no limit on pids fits in 64 bits', () => {
  using fixture = new CgroupFixture({ 'proc-stat': procStat, 'c/pids.current': '1\n', 'c/pids.max': 'max\n' });
  const { root } = fixture;
  const cgroup = cgroupAt({ version: 2, mounts: { pids: root }, trees: [root], unified: root }, '/c');
  const { limit } = readStats(cgroup, GIB, `${root}/proc-stat`).pids_stats;
  expect(BigInt(JSON.stringify(limit)) < 2n ** 64n).toBe(true);
});

test('version 1: a directory per controller', () => {
  using fixture = new CgroupFixture({
    'proc-stat': procStat,
    'cpuacct/c/cpuacct.usage': '123456\n',
    'cpuacct/c/cpuacct.usage_percpu': '100000 23456 \n',
    'cpuacct/c/cpuacct.stat': 'user 7\nsystem 5\n',
    'cpu/c/cpu.stat': 'nr_periods 1\nnr_throttled 2\nthrottled_time 3\n',
    'memory/c/memory.usage_in_bytes': '8192\n',
    'memory/c/memory.max_usage_in_bytes': '9000\n',
    'memory/c/memory.failcnt': '0\n',
    'memory/c/memory.limit_in_bytes': '67108864\n',
    'memory/c/memory.stat': 'cache 10\nrss 20\nhierarchical_memory_limit 67108864\ntotal_inactive_file 30\n',
    'blkio/c/blkio.throttle.io_service_bytes': '8:0 Read 5\n8:0 Write 6\n8:0 Total 11\nTotal 11\n',
    'pids/c/pids.current': '2\n',
    'pids/c/pids.max': 'max\n',
  });
  const names = ['cpuacct', 'cpu', 'memory', 'blkio', 'pids'];
  const mounts = Object.fromEntries(names.map(name => [name, `${fixture.root}/${name}`]));
  const cgroup = cgroupAt({ version: 1, mounts, trees: Object.values(mounts), unified: undefined }, '/c');
  const stats = readStats(cgroup, GIB, `${fixture.root}/proc-stat`);
  expect(stats.cpu_stats.cpu_usage).toEqual({
    total_usage: 123456,
    percpu_usage: [100000, 23456],
    usage_in_kernelmode: 50_000_000,
    usage_in_usermode: 70_000_000,
  });
  expect(stats.memory_stats).toMatchObject({ usage: 8192, max_usage: 9000, limit: 67108864 });
  expect(stats.memory_stats.stats).toMatchObject({ cache: 10, rss: 20, total_inactive_file: 30, total_rss: 0 });
  expect(stats.memory_stats).not.toHaveProperty('failcnt');
  expect(stats.pids_stats).toEqual({ current: 2, limit: undefined });
  expect(stats.blkio_stats.io_service_bytes_recursive).toEqual([
    { major: 8, minor: 0, op: 'Read', value: 5 },
    { major: 8, minor: 0, op: 'Write', value: 6 },
    { major: 8, minor: 0, op: 'Total', value: 11 },
  ]);
});

test('interfaces are counted, the loopback not', () => {
  using fixture = new CgroupFixture({
    '9/net/dev': `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     1       2    0    0    0     0          0         0        1       2    0    0    0     0       0          0
  eth0:1000      10    1    2    0     0          0         0     2000      20    3    4    0     0       0          0
`,
  });
  expect(readNetworkStats(9, fixture.root)).toEqual({
    eth0: {
      rx_bytes: 1000,
      rx_packets: 10,
      rx_errors: 1,
      rx_dropped: 2,
      tx_bytes: 2000,
      tx_packets: 20,
      tx_errors: 3,
      tx_dropped: 4,
    },
  });
  expect(readNetworkStats(10, fixture.root)).toBeUndefined();
});
