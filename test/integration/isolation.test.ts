// What holds a container in, and what is let through when asked: seen from inside, in the kernel. DOCKYARD_TEST_ORACLE=1
// asks Docker's own engine instead: what fails there is wrong here.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from '../support/engine.ts';
import { startOfficialEngine } from '../support/official-engine.ts';
import { type Ran, run } from '../support/process.ts';
import { officialClient, ourClient } from '../support/programs.ts';
import { until } from '../support/until.ts';

interface Engine extends AsyncDisposable {
  clientEnvironment(): Record<string, string | undefined>;
}

const oracle = process.env['DOCKYARD_TEST_ORACLE'] === '1';
let engine: Engine;

beforeAll(async () => {
  engine = oracle ? await startOfficialEngine() : await startEngine();
});

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
});

const docker = (...args: string[]): Promise<Ran> =>
  run([...(oracle ? [officialClient()] : ourClient), ...args], { environment: engine.clientEnvironment() });

async function ok(...args: string[]): Promise<string> {
  const ran = await docker(...args);
  expect({ args, code: ran.code, stderr: ran.stderr }).toEqual({ args, code: 0, stderr: '' });
  return ran.stdout.trimEnd();
}

const base = ['run', '--rm', '--network', 'none'];
/** What a shell in a new container prints. */
const shell = (script: string, ...flags: string[]): Promise<string> =>
  ok(...base, ...flags, 'busybox', 'sh', '-c', script);

/** A container that lives until it goes out of scope. */
async function background(...flags: string[]): Promise<{ id: string; pid: number } & AsyncDisposable> {
  const id = await ok('run', '-d', '--network', 'none', ...flags, 'busybox', 'sleep', '1000');
  const pid = Number(await ok('inspect', '-f', '{{.State.Pid}}', id));
  return {
    id,
    pid,
    [Symbol.asyncDispose]: async () => {
      await ok('rm', '-f', id);
    },
  };
}

async function refusal(...flags: string[]): Promise<string> {
  const { code, stderr } = await docker(...base, ...flags, 'busybox', 'true');
  // Clients take a message with "no such file" in it for one about the command.
  expect({ flags, code }).toEqual({ flags, code: stderr.includes('no such file or directory') ? 127 : 125 });
  return stderr;
}

const unified = existsSync('/sys/fs/cgroup/cgroup.controllers');
/** Prints a limit as the container's own cgroup has it. */
const limitFile = (v2: string, controller: string, v1: string) =>
  `cat /sys/fs/cgroup/${unified ? v2 : `${controller}/${v1}`}`;
/** A kernel may be without it. */
const cpuset = unified
  ? /\bcpuset\b/.test(readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8'))
  : existsSync('/sys/fs/cgroup/cpuset');
const allowedCpus = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
const namespaceOf = (pid: number | 'self', type: string) => readlinkSync(`/proc/${pid}/ns/${type}`);
const heldCapabilities = /^CapEff:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
const status = "grep -E '^(CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'";

describe('by default', () => {
  test('a process has fourteen capabilities, a filter, and no way to more', async () => {
    expect((await shell(status)).split('\n')).toEqual([
      'CapPrm:00000000a80425fb',
      'CapEff:00000000a80425fb',
      'CapBnd:00000000a80425fb',
      'CapAmb:0000000000000000',
      'NoNewPrivs:0',
      'Seccomp:2',
    ]);
  });

  test('every namespace is its own', async () => {
    await using container = await background();
    const types = ['mnt', 'pid', 'ipc', 'uts', 'net', ...(unified ? ['cgroup'] : [])];
    for (const type of types) {
      expect({ type, shared: namespaceOf(container.pid, type) === namespaceOf('self', type) }).toEqual({
        type,
        shared: false,
      });
    }
  });

  test('nothing of the kernel can be changed or looked into', async () => {
    const probes = [
      'echo 1 > /proc/sys/kernel/panic',
      'echo 1 > /proc/sysrq-trigger',
      'mkdir /sys/fs/cgroup/x',
      'echo 1 > /sys/kernel/mm/ksm/run',
      'mkdir /m && mount -t tmpfs none /m',
      'unshare -r true',
      'hostname other',
      'mknod /dev/disk b 254 0 && cat /dev/disk',
    ];
    const script = probes.map(probe => `(${probe}) >/dev/null 2>&1 && echo 'possible: ${probe}'`).join('; ');
    // With v1 this is a tmpfs above the trees, and a directory in it is only that.
    const survived = (await shell(`${script}; true`)).split('\n').filter(line => line !== '');
    expect(survived.filter(line => unified || !line.includes('/sys/fs/cgroup/x'))).toEqual([]);
    const masked =
      'cat /proc/keys /proc/timer_list /proc/sched_debug; ls -A /sys/firmware; ls -A /proc/acpi; ls -A /proc/scsi';
    expect(await shell(`(${masked}) 2>/dev/null; true`)).toBe('');
  });

  test('the devices are those that every program may use', async () => {
    const devices = await shell('ls /dev');
    expect(devices.split('\n').filter(name => name !== 'core')).toEqual(
      'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero'.split(' '),
    );
    expect(await shell("df -k /dev/shm | awk 'END { print $2 }'")).toBe('65536');
  });
});

describe('rights', () => {
  test('--privileged gives all that the engine has', async () => {
    const lines = (
      await shell(`${status}; ls /dev/loop-control; mkdir /m && mount -t tmpfs none /m && echo mounted`, '--privileged')
    ).split('\n');
    expect(lines).toContain(`CapEff:${heldCapabilities}`);
    expect(lines).toContain('Seccomp:0');
    expect(lines).toContain('mounted');
  });

  test('capabilities come and go one by one, and all at once', async () => {
    const effective = async (...flags: string[]) => /CapEff:(\w+)/.exec(await shell(status, ...flags))?.[1];
    expect(await effective('--cap-drop', 'ALL')).toBe('0000000000000000');
    expect(await effective('--cap-drop', 'all', '--cap-add', 'net_admin')).toBe('0000000000001000');
    expect(await effective('--cap-add', 'SYS_TIME', '--cap-drop', 'CAP_CHOWN')).toBe('00000000aa0425fa');
    expect(await refusal('--cap-add', 'FROB')).toContain('invalid CapAdd: unknown capability: "CAP_FROB"');
  });

  test('a capability opens the system calls it is for', async () => {
    // The profile docker-default forbids mounts to whoever has the capability too.
    const flags = ['--cap-add', 'SYS_ADMIN', '--security-opt', 'apparmor=unconfined'];
    expect(await shell('mkdir /m && mount -t tmpfs none /m && echo mounted', ...flags)).toBe('mounted');
  });

  test('a user without privileges keeps none, and is in the groups asked for', async () => {
    const flags = ['--user', '1234:1235', '--group-add', '77'];
    expect(await shell(`id -u; id -g; id -G; ${status}`, ...flags)).toBe(
      [
        '1234',
        '1235',
        '1235 77',
        'CapPrm:0000000000000000',
        'CapEff:0000000000000000',
        'CapBnd:00000000a80425fb',
        'CapAmb:0000000000000000',
        'NoNewPrivs:0',
        'Seccomp:2',
      ].join('\n'),
    );
    expect(await refusal('--user', 'nobody-here')).toContain('unable to find user nobody-here');
  });

  test('HOME is what the container’s own /etc/passwd says, / for those it does not know', async () => {
    const home = (...flags: string[]) => shell('echo $HOME', '--user', '1234', ...flags);
    expect(await home()).toBe('/');
    expect(await home('-e', 'HOME=/tmp')).toBe('/tmp');
    const passwd = join(tmpdir(), `dockyard-passwd-${process.pid}`);
    writeFileSync(passwd, 'own:x:1234:1235::/srv:/bin/sh\n');
    try {
      expect(await home('-v', `${passwd}:/etc/passwd:ro`)).toBe('/srv');
    } finally {
      rmSync(passwd);
    }
  });

  test('no-new-privileges', async () => {
    expect(await shell(status, '--security-opt', 'no-new-privileges')).toContain('NoNewPrivs:1');
  });

  test('a seccomp profile of one’s own, and none', async () => {
    const profile = join(tmpdir(), `seccomp-${process.pid}.json`);
    const rule = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 };
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }));
    try {
      const script = 'mkdir /x 2>&1; grep Seccomp: /proc/self/status';
      expect(await shell(script, '--security-opt', `seccomp=${profile}`)).toBe(
        "mkdir: can't create directory '/x': Permission denied\nSeccomp:\t2",
      );
      expect(await shell(script, '--security-opt', 'seccomp=unconfined')).toBe('Seccomp:\t0');
    } finally {
      rmSync(profile);
    }
    expect(await refusal('--security-opt', 'frob=1')).toContain('invalid --security-opt 2: "frob=1"');
  });

  test('system paths are opened on request', async () => {
    const script = 'mount | grep -c "on /proc/"';
    expect(await shell(`${script}; true`, '--security-opt', 'systempaths=unconfined')).toBe('0');
  });

  test('an exec has its container’s rights, or all of them', async () => {
    await using container = await background('--cap-drop', 'ALL');
    const read = (...flags: string[]) => ok('exec', ...flags, container.id, 'sh', '-c', status);
    expect(await read()).toContain('CapEff:0000000000000000');
    expect(await read()).toContain('Seccomp:2');
    expect(await read('--privileged')).toContain(`CapEff:${heldCapabilities}`);
  });
});

describe('files', () => {
  test('--read-only leaves only what is mounted writable', async () => {
    const script =
      'touch /x 2>&1; touch /etc/hosts 2>&1; touch /tmp/y /dev/shm/y && echo written; mount | grep " /tmp "';
    const lines = (await shell(script, '--read-only', '--tmpfs', '/tmp:size=1m,exec')).split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'touch: /x: Read-only file system',
      'touch: /etc/hosts: Read-only file system',
      'written',
    ]);
    expect(lines[3]).toMatch(/nosuid.*size=1024k/);
    expect(lines[3]).not.toContain('noexec');
  });

  test('a device is there with the rights it was given', async () => {
    const script = 'head -c 4 /dev/nothing | wc -c; echo x > /dev/nothing';
    const { stdout, stderr } = await docker(
      ...base,
      '--device',
      '/dev/zero:/dev/nothing:r',
      'busybox',
      'sh',
      '-c',
      script,
    );
    // The default rules already allow /dev/zero: what counts is that it is another name for it.
    expect({ stdout, stderr }).toEqual({ stdout: '4\n', stderr: '' });
    const control =
      '(exec 3</dev/loop-control) 2>/dev/null && echo read; (exec 3>/dev/loop-control) 2>/dev/null && echo write; true';
    expect(await shell(control, '--device', '/dev/loop-control:/dev/loop-control:r')).toBe('read');
    expect(await shell(control, '--device', '/dev/loop-control')).toBe('read\nwrite');
    expect(await refusal('--device', '/dev/frob')).toContain('error gathering device information');
  });

  test('a device rule allows what is made inside', async () => {
    const script = 'mknod /c c 10 237 && (exec 3</c) 2>/dev/null && echo open; true';
    expect(await shell(script)).toBe('');
    expect(await shell(script, '--device-cgroup-rule', 'c 10:* rm')).toBe('open');
  });

  test('shared memory has the size asked for', async () => {
    expect(await shell("df -k /dev/shm | awk 'END { print $2 }'", '--shm-size', '8m')).toBe('8192');
  });
});

describe('modes', () => {
  test('namespaces of the host', async () => {
    await using container = await background('--pid', 'host', '--ipc', 'host', '--uts', 'host', '--cgroupns', 'host');
    for (const type of ['pid', 'ipc', 'uts', 'cgroup']) {
      expect(`${type} ${namespaceOf(container.pid, type)}`).toBe(`${type} ${namespaceOf('self', type)}`);
    }
    expect(namespaceOf(container.pid, 'mnt')).not.toBe(namespaceOf('self', 'mnt'));
  });

  test('a cgroup namespace of its own', async () => {
    await using container = await background('--cgroupns', 'private');
    expect(namespaceOf(container.pid, 'cgroup')).not.toBe(namespaceOf('self', 'cgroup'));
  });

  test('namespaces of another container', async () => {
    await using donor = await background('--ipc', 'shareable', '--name', 'donor');
    await ok('exec', donor.id, 'sh', '-c', 'echo shared > /dev/shm/x');
    expect(
      await shell(
        'cat /dev/shm/x; ps | grep -c "[s]leep 1000"',
        '--ipc',
        'container:donor',
        '--pid',
        'container:donor',
      ),
    ).toMatch(/^shared\n1$/);
    await using _ = await background('--name', 'loner', '--ipc', 'private');
    expect(await refusal('--ipc', 'container:loner')).toContain('non-shareable IPC');
    expect(await shell('ls -d /dev/shm 2>&1; true', '--ipc', 'none')).toContain('No such file');
  });

  test('names of its own', async () => {
    expect(
      await shell('hostname; cat /proc/sys/kernel/domainname', '--hostname', 'me', '--domainname', 'here.example'),
    ).toBe('me\nhere.example');
    expect(await refusal('--uts', 'host', '--hostname', 'me')).toContain('hostname and the UTS mode');
  });

  test('kernel settings of its own namespaces', async () => {
    expect(
      await shell(
        'cat /proc/sys/net/core/somaxconn /proc/sys/kernel/msgmax',
        '--sysctl',
        'net.core.somaxconn=77',
        '--sysctl',
        'kernel.msgmax=5000',
      ),
    ).toBe('77\n5000');
    expect(await shell('cat /proc/sys/net/ipv4/ip_unprivileged_port_start')).toBe('0');
  });

  test('an init reaps what others leave', async () => {
    const script = 'cat /proc/1/comm; (sleep 0.01 &) ; true';
    expect(await shell(script, '--init')).toMatch(/init|tini/);
  });
});

describe('limits', () => {
  test('may leave a container fewer descriptors than it takes to make one', async () => {
    expect(await shell('ulimit -n; ulimit -Hn', '--ulimit', 'nofile=20:30')).toBe('20\n30');
  });

  test('are in the kernel as they were given', async () => {
    const script = [
      limitFile('memory.max', 'memory', 'memory.limit_in_bytes'),
      limitFile('pids.max', 'pids', 'pids.max'),
      unified ? 'cut -d" " -f1 /sys/fs/cgroup/cpu.max' : 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us',
      ...(cpuset ? [limitFile('cpuset.cpus', 'cpuset', 'cpuset.cpus')] : []),
      'ulimit -Sn',
      'ulimit -Hn',
      'cat /proc/self/oom_score_adj',
      'grep Cpus_allowed_list /proc/self/status | cut -f2',
    ].join('; ');
    const flags = [
      '-m',
      '64m',
      '--pids-limit',
      '33',
      '--cpus',
      '0.5',
      ...(cpuset ? ['--cpuset-cpus', '0'] : []),
      '--ulimit',
      'nofile=100:200',
    ];
    expect((await shell(script, ...flags, '--oom-score-adj', '300')).split('\n')).toEqual([
      '67108864',
      '33',
      '50000',
      ...(cpuset ? ['0'] : []),
      '100',
      '200',
      '300',
      cpuset ? '0' : allowedCpus,
    ]);
  });

  test('swap is limited with memory, to the same again unless told otherwise', async () => {
    const swap = limitFile('memory.swap.max', 'memory', 'memory.memsw.limit_in_bytes');
    const alone = 64 << 20;
    expect(await shell(swap, '-m', '64m')).toBe(String(unified ? alone : 2 * alone));
    expect(await shell(swap, '-m', '64m', '--memory-swap', '64m')).toBe(String(unified ? 0 : alone));
  });

  test('a container that wants more memory than it may have is killed, and says so', async () => {
    const eat = 'x=a; while true; do x="$x$x"; done';
    const { code } = await docker(
      'run',
      '--name',
      'eater',
      '--network',
      'none',
      '-m',
      '16m',
      '--memory-swap',
      '16m',
      'busybox',
      'sh',
      '-c',
      eat,
    );
    expect(code).toBe(137);
    expect(await ok('inspect', '-f', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'eater')).toBe('true 137');
    await ok('rm', 'eater');
  });

  test('a container that wants more processes than it may have gets no more', async () => {
    const fork = 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; sleep 1000';
    const { stderr } = await docker(...base, '--pids-limit', '5', 'busybox', 'sh', '-c', fork);
    expect(stderr).toMatch(/can't fork|Resource temporarily unavailable/);
  });

  test('what makes no sense is refused', async () => {
    expect(await refusal('-m', '4m')).toContain('Minimum memory limit allowed is 6MB');
    expect(await refusal('-m', '10m', '--memory-swap', '8m')).toContain('should be larger than memory limit');
    expect(await refusal('--cpus', '1000')).toMatch(/range of CPUs is from 0.01 to/i);
    if (cpuset) expect(await refusal('--cpuset-cpus', '999')).toContain('Requested CPUs are not available');
    else expect((await docker(...base, '--cpuset-cpus', '0', 'busybox', 'true')).stderr).toContain('Cpuset discarded');
  });

  test('docker update changes them while the container runs', async () => {
    await using container = await background('-m', '64m', '--cpus', '0.5');
    const flags = [
      '-m',
      '96m',
      '--memory-swap',
      '128m',
      '--cpus',
      '0.75',
      '--pids-limit',
      '44',
      '--cpu-shares',
      '2048',
    ];
    await ok('update', ...flags, container.id);
    const script = [
      limitFile('memory.max', 'memory', 'memory.limit_in_bytes'),
      limitFile('memory.swap.max', 'memory', 'memory.memsw.limit_in_bytes'),
      unified ? 'cut -d" " -f1 /sys/fs/cgroup/cpu.max' : 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us',
      limitFile('pids.max', 'pids', 'pids.max'),
      limitFile('cpu.weight', 'cpu', 'cpu.shares'),
    ].join('; ');
    expect((await ok('exec', container.id, 'sh', '-c', script)).split('\n')).toEqual([
      String(96 << 20),
      String((unified ? 32 : 128) << 20),
      '75000',
      '44',
      unified ? '79' : '2048',
    ]);
    const refused = await docker('update', '-m', '200m', container.id);
    expect(refused.stderr).toContain('update the memoryswap at the same time');
    const less = await docker('update', '--memory-swap', '64m', container.id);
    expect(less.stderr).toContain('memoryswap limit should be larger than');
  });
});

describe('looking in', () => {
  test('a paused container stands still', async () => {
    await using container = await background();
    await ok('pause', container.id);
    expect(await ok('inspect', '-f', '{{.State.Status}}', container.id)).toBe('paused');
    await ok('unpause', container.id);
    expect(await ok('exec', container.id, 'echo', 'awake')).toBe('awake');
  });

  test('top lists the processes, and only those', async () => {
    await using container = await background();
    // A start is over when the runtime's init was let go: a moment before that becomes the command.
    await until(async () => (await ok('top', container.id)).endsWith('sleep 1000'));
    const [head, ...rows] = (await ok('top', container.id)).split('\n');
    expect(head).toMatch(/^UID +PID +PPID +C +STIME +TTY +TIME +CMD$/);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatch(new RegExp(`^root +${container.pid} .*sleep 1000$`));
    expect(await ok('top', container.id, '-o', 'pid,args')).toMatch(new RegExp(`\\n${container.pid} +sleep 1000$`));
  });

  test('stats measure what it uses', async () => {
    await using container = await background('-m', '64m', '--pids-limit', '10');
    const line = await ok('stats', '--no-stream', '--format', '{{.MemUsage}}|{{.PIDs}}|{{.ID}}', container.id);
    expect(line).toMatch(new RegExp(`^[\\d.]+[KM]iB / 64MiB\\|1\\|${container.id.slice(0, 12)}`));
  });

  test('processes that outlive an exec are found and killed with the container', async () => {
    await using container = await background();
    await ok('exec', '-d', container.id, 'sh', '-c', 'sleep 2000 & exec sleep 2001');
    await until(async () => (await ok('top', container.id)).split('\n').length === 4);
    await ok('kill', container.id);
    await until(async () => (await ok('inspect', '-f', '{{.State.Running}}', container.id)) === 'false');
  });
});
