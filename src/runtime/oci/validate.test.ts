import { expect, test } from 'bun:test';
import type { ContainerConfig, HostConfig } from '../../wire/types.ts';
import type { CgroupFeatures, HostFacts } from '../cgroups/host.ts';
import { host, unprivilegedHost } from './fixture.ts';
import { validateHostConfig } from './validate.ts';
import { validateUpdate } from './validate-update.ts';

const MIB = 1 << 20;
const usual = { shmSize: 64 * MIB, ipcMode: 'private', cgroupnsMode: undefined, ipForward: true } as const;
const settle = (hostConfig: HostConfig, config: ContainerConfig = {}, facts: HostFacts = host) =>
  validateHostConfig(hostConfig, config, facts, usual);
const without = (...names: (keyof CgroupFeatures)[]): HostFacts => ({
  ...host,
  limits: { ...host.limits, ...Object.fromEntries(names.map(name => [name, false])) },
});
/** For values that the types forbid but a client can send. */
const sent = (json: object) => json as HostConfig;

test('what is left open is settled', () => {
  const { value, warnings } = settle({ Memory: 32 * MIB, PidsLimit: -1 });
  expect(value).toMatchObject({
    MemorySwap: 64 * MIB,
    ShmSize: 64 * MIB,
    IpcMode: 'private',
    CgroupnsMode: 'private',
    PidsLimit: null,
    OomKillDisable: false,
  });
  expect(value.MaskedPaths).toContain('/proc/kcore');
  expect(warnings).toEqual([]);
});

test('the cgroup namespace follows the cgroup version, and privilege on the old one', () => {
  const old: HostFacts = { ...host, cgroups: { ...host.cgroups, version: 1 } };
  expect(settle({}, {}, old).value.CgroupnsMode).toBe('host');
  expect(settle({ Privileged: true }).value.CgroupnsMode).toBe('private');
  const defaults = { ...usual, cgroupnsMode: 'private' } as const;
  expect(validateHostConfig({ Privileged: true }, {}, old, defaults).value.CgroupnsMode).toBe('host');
});

test('a host that does not forward is warned of where the engine will not let it, and networks need it', () => {
  const still: HostFacts = { ...host, ipv4Forwarding: false };
  const warnings = (facts: HostFacts, ipForward: boolean, NetworkMode = 'bridge') =>
    validateHostConfig({ NetworkMode }, {}, facts, { ...usual, ipForward }).warnings;
  expect(warnings(still, false)).toEqual(['IPv4 forwarding is disabled. Networking will not work.']);
  expect([warnings(still, true), warnings(host, false), warnings(still, false, 'host')]).toEqual([[], [], []]);
});

test('whoever shares the host’s processes has no label', () => {
  for (const hostConfig of [{ Privileged: true }, { PidMode: 'host' }, { IpcMode: 'host' }]) {
    expect(settle(hostConfig).value.SecurityOpt).toEqual(['label=disable']);
  }
  expect(settle({ Privileged: true, SecurityOpt: ['label=type:x'] }).value.SecurityOpt).toEqual(['label=type:x']);
  expect(settle({ Privileged: true }).value.MaskedPaths).toBeUndefined();
});

const refused: readonly (readonly [HostConfig, string])[] = [
  [{ Memory: 4 * MIB }, 'Minimum memory limit allowed is 6MB'],
  [{ Memory: 10 * MIB, MemorySwap: 8 * MIB }, 'Minimum memoryswap limit should be larger than memory limit, see usage'],
  [{ MemorySwap: 8 * MIB }, 'You should always set the Memory limit when using Memoryswap limit, see usage'],
  [{ MemorySwappiness: 200 }, 'Invalid value: 200, valid memory swappiness range is 0-100'],
  [{ MemoryReservation: MIB }, 'Minimum memory reservation allowed is 6MB'],
  [
    { Memory: 10 * MIB, MemoryReservation: 20 * MIB },
    'Minimum memory limit can not be less than memory reservation limit, see usage',
  ],
  [{ NanoCpus: 5e9 }, 'range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available'],
  [{ NanoCpus: 1e9, CpuQuota: 5000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
  [{ NanoCpus: 1e9, CpuPeriod: 5000 }, 'Conflicting options: Nano CPUs and CPU Period cannot both be set'],
  [{ CpuQuota: 500 }, 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
  [{ CpuPeriod: 500 }, 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)'],
  [{ CpuShares: -1 }, 'invalid CPU shares (-1): value must be a positive integer'],
  [{ CpuRealtimePeriod: 5, CpuRealtimeRuntime: 6 }, 'cpu real-time runtime cannot be higher than cpu real-time period'],
  [{ CpusetCpus: '9' }, 'Requested CPUs are not available - requested 9, available: 0-3'],
  [{ CpusetCpus: 'a' }, 'Invalid value a for cpuset cpus: invalid format: a'],
  [{ CpusetCpus: '3-1' }, 'Invalid value 3-1 for cpuset cpus: invalid format: 3-1'],
  [{ CpusetMems: '0-99999999' }, 'Invalid value 0-99999999 for cpuset mems: value of out range, maximum is 8192'],
  [{ BlkioWeight: 5 }, 'Range of blkio weight is from 10 to 1000'],
  [{ ShmSize: -1 }, 'SHM size can not be less than 0'],
  [{ OomScoreAdj: 2000 }, 'Invalid value 2000, range for oom score adj is [-1000, 1000]'],
  [{ IpcMode: 'frob' }, 'invalid IPC mode: frob'],
  [{ PidMode: 'container:' }, 'invalid PID mode: container:'],
  [{ UTSMode: 'private' }, 'invalid UTS mode: private'],
  [sent({ CgroupnsMode: 'frob' }), 'invalid cgroup namespace mode: frob'],
  [sent({ Isolation: 'frob' }), "invalid isolation (frob): linux only supports 'default'"],
  [{ StorageOpt: { size: '10m' } }, '--storage-opt: a size of its own for a root'],
  [sent({ RestartPolicy: { Name: 'frob' } }), "invalid restart policy: unknown policy 'frob'"],
  [
    { RestartPolicy: { Name: 'always', MaximumRetryCount: 1 } },
    "maximum retry count can only be used with 'on-failure'",
  ],
  [{ RestartPolicy: { Name: 'on-failure', MaximumRetryCount: -1 } }, 'maximum retry count cannot be negative'],
  [{ AutoRemove: true, RestartPolicy: { Name: 'always' } }, "can't create 'AutoRemove' container with restart policy"],
  [{ CapAdd: ['FROB'] }, 'invalid CapAdd: unknown capability: "CAP_FROB"'],
  [{ SecurityOpt: ['frob=1'] }, 'invalid --security-opt 2: "frob=1"'],
  [{ Tmpfs: { frob: '' } }, "invalid mount path: 'frob' mount path must be absolute"],
  [{ Tmpfs: { '/': '' } }, "invalid specification: destination can't be '/'"],
  [{ Annotations: { '': 'x' } }, 'invalid Annotations'],
  [{ NetworkMode: 'container:' }, 'invalid container format container:<name|id>'],
  [{ NetworkMode: 'container:x', Dns: ['1.1.1.1'] }, 'conflicting options: dns and the network mode'],
  [{ NetworkMode: 'container:x', PublishAllPorts: true }, 'port publishing and the container type network mode'],
];

test.each(refused)('%j is refused', (hostConfig, message) => {
  expect(() => settle(hostConfig)).toThrow(message);
});

test('a name of its own does not go with a shared one', () => {
  expect(() => settle({ UTSMode: 'host' }, { Hostname: 'x' })).toThrow(
    'conflicting options: hostname and the UTS mode',
  );
  expect(() => settle({ NetworkMode: 'container:x' }, { Hostname: 'x' })).toThrow('hostname and the network mode');
  expect(() => settle({}, { Hostname: 'x'.repeat(65) })).toThrow('is too long (maximum 64 bytes)');
});

test('what the kernel cannot limit is dropped with a warning', () => {
  const bare = without('memory', 'swap', 'pids', 'cpuShares', 'blkioWeight', 'swappiness', 'blkioReadBps', 'cpuset');
  const { value, warnings } = settle(
    {
      Memory: 32 * MIB,
      PidsLimit: 5,
      CpuShares: 5,
      CpusetCpus: '77',
      BlkioWeight: 50,
      MemorySwappiness: 5,
      BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 1 }],
    },
    {},
    bare,
  );
  expect(warnings).toHaveLength(7);
  expect(value).toMatchObject({ Memory: 0, PidsLimit: null, CpuShares: 0, CpusetCpus: '', BlkioWeight: 0 });
  expect(value.BlkioDeviceReadBps).toEqual([]);
  expect(settle({ Memory: 32 * MIB }, {}, without('swap')).value.MemorySwap).toBe(-1);
});

test('profiles and labels of a security module that is not there have no effect, and that is said', () => {
  expect(settle({ SecurityOpt: ['apparmor=unconfined', 'label=disable'] }).warnings).toEqual([]);
  expect(settle({ SecurityOpt: ['apparmor=mine', 'label=type:mine_t'] }).warnings).toHaveLength(2);
  expect(() => settle({ SecurityOpt: ['label=type:mine_t'] }, {}, { ...host, selinux: true })).toThrow(
    'SELinux labels',
  );
});

test('limits that the engine cannot raise are announced', () => {
  const asked = { Ulimits: [{ Name: 'nofile', Soft: 1024, Hard: 65536 }], OomScoreAdj: -5 };
  expect(settle(asked, {}, unprivilegedHost).warnings).toEqual([
    'The ulimit nofile is limited to 1024:20000: the engine may not go beyond its own limit.',
    'The OOM score is 0: the engine may not go below its own.',
  ]);
  expect(settle(asked).warnings).toEqual([]);
});

test('published ports mean nothing on the host’s network', () => {
  const { warnings } = settle({ NetworkMode: 'host', PortBindings: { '80/tcp': [{ HostPort: '80' }] } });
  expect(warnings).toEqual(['Published ports are discarded when using host network mode']);
});

const update = (change: HostConfig, current: HostConfig) => validateUpdate(change, current, host, 'abc');

test('an update changes only what it names', () => {
  const current: HostConfig = { Memory: 32 * MIB, MemorySwap: 64 * MIB, CpuShares: 5, PidsLimit: 7 };
  const { value } = update({ CpuShares: 9, CpusetCpus: '', Memory: 0 }, current);
  expect(value).toEqual({ ...current, CpuShares: 9 });
  expect(update({ PidsLimit: 0 }, current).value.PidsLimit).toBeNull();
  expect(update({ RestartPolicy: { Name: 'always' } }, current).value.RestartPolicy).toEqual({ Name: 'always' });
});

test('updates that contradict what is set are refused', () => {
  expect(() => update({ Memory: 65 * MIB }, { Memory: 32 * MIB, MemorySwap: 64 * MIB })).toThrow(
    'Cannot update container abc: Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
  );
  expect(update({ Memory: 65 * MIB, MemorySwap: -1 }, { MemorySwap: 64 * MIB }).value).toMatchObject({
    MemorySwap: -1,
  });
  expect(() => update({ NanoCpus: 1e9 }, { CpuQuota: 5000 })).toThrow('Nano CPUs cannot be updated');
  expect(() => update({ CpuPeriod: 5000 }, { NanoCpus: 1e9 })).toThrow('CPU Period cannot be updated');
  expect(() => update({ RestartPolicy: { Name: 'always' } }, { AutoRemove: true })).toThrow('AutoRemove is enabled');
  expect(() => update({ Memory: MIB }, {})).toThrow('Minimum memory limit allowed is 6MB');
});
