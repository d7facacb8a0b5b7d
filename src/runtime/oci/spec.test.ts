import { expect, test } from 'bun:test';
import type { HostConfig } from '../../wire/types.ts';
import { allCapabilities, defaultCapabilities } from '../capabilities.ts';
import { host, specInput, unprivilegedHost } from './fixture.ts';
import { buildSpec, execSecurity, lateOpenFiles, type Namespaces, type SpecInput, specText } from './spec.ts';

const specOf = (hostConfig: HostConfig = {}, changes: Partial<SpecInput> = {}) => {
  const input = specInput();
  return buildSpec({ ...input, hostConfig: { ...input.hostConfig, ...hostConfig }, ...changes }).spec;
};
const namespaces = (changes: Partial<Namespaces>): Partial<SpecInput> => ({
  namespaces: { ...specInput().namespaces, ...changes },
});
const mountAt = (spec: ReturnType<typeof specOf>, path: string) =>
  spec.mounts.find(mount => mount.destination === path);

test('an ordinary container is closed in on all sides', () => {
  const spec = specOf();
  expect(spec.process.capabilities?.bounding).toEqual([...defaultCapabilities]);
  expect(spec.linux.seccomp?.defaultAction).toBe('SCMP_ACT_ERRNO');
  expect(spec.linux.maskedPaths).toContain('/proc/kcore');
  expect(spec.linux.readonlyPaths).toContain('/proc/sys');
  expect(spec.linux.namespaces.map(each => each.type)).toEqual(['mount', 'network', 'uts', 'pid', 'ipc', 'cgroup']);
  expect(spec.linux.resources.devices?.[0]).toEqual({ allow: false, access: 'rwm' });
  expect(mountAt(spec, '/sys')?.options).toContain('ro');
  expect(mountAt(spec, '/sys/fs/cgroup')?.options).toContain('ro');
  expect(mountAt(spec, '/dev/shm')?.options).toContain(`size=${64 << 20}`);
  expect(spec.process.noNewPrivileges).toBe(false);
});

test('privileged opens all of it', () => {
  const spec = specOf({ Privileged: true });
  expect(spec.process.capabilities?.effective).toEqual([...allCapabilities]);
  expect(spec.linux.seccomp).toBeUndefined();
  expect(spec.annotations).toBeUndefined();
  expect(spec.linux.maskedPaths).toBeUndefined();
  expect(spec.linux.readonlyPaths).toBeUndefined();
  expect(mountAt(spec, '/sys')?.options).not.toContain('ro');
  expect(mountAt(spec, '/sys/fs/cgroup')?.options).not.toContain('ro');
  expect(spec.linux.resources.devices?.at(-1)).toEqual({ allow: true, access: 'rwm' });
  expect(spec.linux.devices.map(each => each.path)).toContain('/dev/null');
  expect(spec.linux.devices.map(each => each.path)).not.toContain('/dev/console');
});

test('a privileged container gets a profile that it names', () => {
  const profile = JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [] });
  expect(specOf({ Privileged: true, SecurityOpt: [`seccomp=${profile}`] }).linux.seccomp?.defaultAction).toBe(
    'SCMP_ACT_ALLOW',
  );
});

test('the engine’s profile is the default, builtin asks for Docker’s, unconfined for none', () => {
  const defaults = {
    ...specInput().defaults,
    seccompProfile: JSON.stringify({ defaultAction: 'SCMP_ACT_LOG', syscalls: [] }),
  };
  expect(specOf({}, { defaults }).linux.seccomp?.defaultAction).toBe('SCMP_ACT_LOG');
  expect(specOf({ SecurityOpt: ['seccomp='] }, { defaults }).linux.seccomp?.defaultAction).toBe('SCMP_ACT_LOG');
  expect(specOf({ SecurityOpt: ['seccomp=builtin'] }, { defaults }).linux.seccomp?.defaultAction).toBe(
    'SCMP_ACT_ERRNO',
  );
  expect(specOf({ SecurityOpt: ['seccomp=unconfined'] }, { defaults }).linux.seccomp).toBeUndefined();
});

test('without seccomp in the kernel only a profile of one’s own is refused', () => {
  const bare = { ...host, seccomp: false };
  const built = buildSpec(specInput({ host: bare }));
  expect(built.spec.linux.seccomp).toBeUndefined();
  expect(built.warnings).toHaveLength(1);
  expect(() => specOf({ SecurityOpt: ['seccomp={"defaultAction":"SCMP_ACT_LOG"}'] }, { host: bare })).toThrow(
    'seccomp is not enabled in your kernel',
  );
});

test('no-new-privileges comes from the engine, and the container has the last word', () => {
  const strict = { defaults: { ...specInput().defaults, noNewPrivileges: true } };
  expect(specOf({}, strict).process.noNewPrivileges).toBe(true);
  expect(specOf({ SecurityOpt: ['no-new-privileges=false'] }, strict).process.noNewPrivileges).toBe(false);
  expect(specOf({ SecurityOpt: ['no-new-privileges'] }).process.noNewPrivileges).toBe(true);
});

test('security options that nobody knows are refused in Docker’s words', () => {
  expect(() => specOf({ SecurityOpt: ['frob'] })).toThrow('invalid --security-opt 1: "frob"');
  expect(() => specOf({ SecurityOpt: ['frob=1'] })).toThrow('invalid --security-opt 2: "frob=1"');
  expect(() => specOf({ SecurityOpt: ['no-new-privileges=maybe'] })).toThrow('invalid --security-opt 2');
});

test('systempaths=unconfined arrives as empty lists', () => {
  const spec = specOf({ MaskedPaths: [], ReadonlyPaths: ['/proc/irq'] });
  expect(spec.linux.maskedPaths).toBeUndefined();
  expect(spec.linux.readonlyPaths).toEqual(['/proc/irq']);
});

test('namespaces are shared where that was asked for', () => {
  const spec = specOf(
    {},
    namespaces({
      pid: { kind: 'host' },
      uts: { kind: 'host' },
      network: { kind: 'path', path: '/proc/7/ns/net' },
      cgroup: { kind: 'host' },
    }),
  );
  expect(spec.linux.namespaces).toEqual([
    { type: 'mount' },
    { type: 'network', path: '/proc/7/ns/net' },
    { type: 'ipc' },
  ]);
  expect(spec.hostname).toBeUndefined();
});

test('an init goes first, but only in a pid namespace of its own', () => {
  expect(specOf({ Init: true }).process.args).toEqual(['/sbin/docker-init', '--', 'true']);
  expect(mountAt(specOf({ Init: true }), '/sbin/docker-init')?.source).toBe('/usr/bin/tini');
  expect(specOf({ Init: true }, namespaces({ pid: { kind: 'host' } })).process.args).toEqual(['true']);
  const always = { ...specInput().defaults, init: true };
  expect(specOf({ Init: false }, { defaults: always }).process.args).toEqual(['true']);
  expect(specOf({}, { defaults: always }).process.args[0]).toBe('/sbin/docker-init');
  expect(() => specOf({ Init: true }, { defaults: { ...always, initPath: undefined } })).toThrow('no init program');
});

test('ulimits come from both, the container’s own first, and unlimited is all bits', () => {
  const defaults = { ...specInput().defaults, ulimits: { nofile: { soft: 65, hard: 66 }, core: { soft: 0, hard: 0 } } };
  const spec = specOf({ Ulimits: [{ Name: 'core', Soft: -1, Hard: -1 }] }, { defaults });
  expect(spec.process.rlimits).toEqual([
    { type: 'RLIMIT_NOFILE', soft: 65, hard: 66 },
    { type: 'RLIMIT_CORE', soft: 18446744073709551615n, hard: 18446744073709551615n },
  ]);
  expect(specText(spec)).toContain('"hard":18446744073709551615');
});

test('fewer open files than a runtime needs are set when it has done its work', () => {
  const input = specInput();
  const hostConfig = { ...input.hostConfig, Ulimits: [{ Name: 'nofile', Soft: 5, Hard: -1 }] };
  expect(specOf(hostConfig).process.rlimits).toEqual([]);
  expect(lateOpenFiles({ ...input, hostConfig })).toEqual({ soft: 5, hard: -1 });
  expect(execSecurity({ ...input, hostConfig, privileged: false }).rlimits).toHaveLength(1);
  expect(lateOpenFiles(input)).toBeUndefined();
});

test('open files are as many as the engine itself was started with', () => {
  expect(specOf().process.rlimits).toEqual([{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 20000 }]);
});

test('an engine that may not raise limits gives what it can', () => {
  const hostConfig = { Ulimits: [{ Name: 'nofile', Soft: 1024, Hard: 65536 }], OomScoreAdj: -500 };
  const { process } = buildSpec(specInput({ host: unprivilegedHost, hostConfig })).spec;
  expect(process.rlimits).toEqual([{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 20000 }]);
  expect(process.oomScoreAdj).toBe(0);
  const free = buildSpec(specInput({ hostConfig })).spec.process;
  expect(free.rlimits).toEqual([{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 65536 }]);
  expect(free.oomScoreAdj).toBe(-500);
  expect(() => specOf({ Ulimits: [{ Name: 'frob', Soft: 1, Hard: 1 }] })).toThrow('invalid ulimit type: frob');
});

test('a network of its own may be pinged from and listened in; the host’s is left alone', () => {
  expect(specOf().linux.sysctl).toMatchObject({ 'net.ipv4.ip_unprivileged_port_start': '0' });
  expect(specOf({ NetworkMode: 'host' }, namespaces({ network: { kind: 'host' } })).linux.sysctl).toBeUndefined();
  const own = { Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '1024' } };
  expect(specOf(own).linux.sysctl).toMatchObject({ 'net.ipv4.ip_unprivileged_port_start': '1024' });
});

test('sysctls reach only into the container', () => {
  expect(specOf({ Sysctls: { 'kernel.shmmax': '1', 'fs.mqueue.msg_max': '5' } }).linux.sysctl).toMatchObject({
    'kernel.shmmax': '1',
  });
  expect(() => specOf({ Sysctls: { 'kernel.panic': '1' } })).toThrow('is not in a separate kernel namespace');
  expect(() => specOf({ Sysctls: { 'net.core.somaxconn': '1' } }, namespaces({ network: { kind: 'host' } }))).toThrow(
    'not allowed in host network namespace',
  );
  expect(() => specOf({ Sysctls: { 'kernel.shmmax': '1' } }, namespaces({ ipc: { kind: 'host' } }))).toThrow('ipc');
  expect(specOf({}, { domainname: 'example.org' }).linux.sysctl).toMatchObject({ 'kernel.domainname': 'example.org' });
});

test('limits are in the runtime’s units', () => {
  const { resources } = specOf({
    Memory: 64 << 20,
    MemorySwap: -1,
    MemoryReservation: 32 << 20,
    MemorySwappiness: 0,
    NanoCpus: 1.5e9,
    CpuShares: 512,
    CpusetCpus: '0,2',
    PidsLimit: 50,
    BlkioWeight: 300,
  }).linux;
  expect(resources.memory).toEqual({ limit: 64 << 20, reservation: 32 << 20, swap: -1, swappiness: 0 });
  expect(resources.cpu).toEqual({ shares: 512, period: 100_000, quota: 150_000, cpus: '0,2' });
  expect(resources.pids).toEqual({ limit: 50 });
  expect(resources.blockIO).toEqual({ weight: 300 });
  expect(specOf({ PidsLimit: null }).linux.resources).not.toHaveProperty('pids');
});

test('devices are found by path, a directory with all in it', () => {
  const { devices, resources } = specOf({
    Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/nothing', CgroupPermissions: 'r' }],
    DeviceCgroupRules: ['c 42:* rw'],
  }).linux;
  expect(devices).toMatchObject([{ type: 'c', path: '/dev/nothing', major: 1, minor: 3 }]);
  expect(resources.devices?.slice(-2)).toEqual([
    { allow: true, type: 'c', major: 1, minor: 3, access: 'r' },
    { allow: true, type: 'c', major: 42, access: 'rw' },
  ]);
  expect(() => specOf({ Devices: [{ PathOnHost: '/dev/frob' }] })).toThrow(
    'error gathering device information while adding custom device "/dev/frob": no such file or directory',
  );
  expect(() => specOf({ Devices: [{ PathOnHost: '/etc/passwd' }] })).toThrow('not a device node');
  expect(() => specOf({ DeviceCgroupRules: ['c 1:3'] })).toThrow("invalid device cgroup rule format: 'c 1:3'");
  expect(() => specOf({ DeviceRequests: [{ Count: -1, Capabilities: [['gpu']] }] })).toThrow(
    'could not select device driver "" with capabilities: [[gpu]]',
  );
});

test('an exec has its container’s rights, or all with --privileged', () => {
  const input = { hostConfig: { CapDrop: ['ALL'] }, host, defaults: specInput().defaults };
  expect(execSecurity({ ...input, privileged: false }).capabilities?.bounding).toEqual([]);
  expect(execSecurity({ ...input, privileged: true }).capabilities?.bounding).toEqual([...allCapabilities]);
});
