// A container from creation to removal, through the API and the command line, on the real kernel.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

interface IdOnly {
  Id: string;
}

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

describe('run', () => {
  test('prints what the container prints and ends with its exit code', async () => {
    const ran = await engine.docker('run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 42');
    expect(ran).toEqual({ code: 42, stdout: 'out\n', stderr: 'err\n' });
  });

  test('ends with 127 for a command that is not there, and with --rm leaves nothing', async () => {
    const ran = await engine.docker('run', '--rm', '--name', 'absent', 'busybox', 'no-such-command');
    expect(ran.code).toBe(127);
    expect(ran.stderr).toContain('no-such-command');
    expect((await engine.api.get('/containers/absent/json')).status).toBe(404);
  });

  test('ends with 126 for one that can’t be run', async () => {
    expect((await engine.docker('run', '--rm', 'busybox', '/etc')).code).toBe(126);
  });

  test('ends with 125 for a request that makes no sense', async () => {
    const ran = await engine.docker('run', '--rm', '--memory', '1m', 'busybox', 'true');
    expect(ran.code).toBe(125);
    expect(ran.stderr).toContain('Minimum memory limit');
  });

  test('gives stdin to the container and its end too', async () => {
    const ran = await engine.run(['run', '--rm', '-i', 'busybox', 'wc', '-c'], { input: 'x'.repeat(300_000) });
    expect(ran.stdout.trim()).toBe('300000');
  });

  test('detached prints the id, and logs have the output', async () => {
    const id = await engine.output('run', '-d', 'busybox', 'sh', '-c', 'for i in 1 2 3; do echo line $i; done');
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await engine.output('wait', id)).toBe('0');
    expect(await engine.output('logs', id)).toBe('line 1\nline 2\nline 3');
  });
});

describe('create', () => {
  test.each([
    ['a link to nobody', { Links: ['nobody:x'] }, 'could not get container for nobody: No such container: nobody'],
    ['the processes of nobody', { PidMode: 'container:nobody' }, 'No such container: nobody'],
    ['the ipc of nobody', { IpcMode: 'container:nobody' }, 'No such container: nobody'],
    ['the network of nobody', { NetworkMode: 'container:nobody' }, 'No such container: nobody'],
    ['the volumes of nobody', { VolumesFrom: ['nobody'] }, 'No such container: nobody'],
    ['a host without an address', { ExtraHosts: ['x'] }, 'bad format for add-host: "x"'],
    ['a port on no address', { PortBindings: { '80/tcp': [{ HostIp: 'x' }] } }, 'invalid host IP address: "x"'],
    ['a name server that is none', { Dns: ['x'] }, 'invalid IP address of a DNS server: "x"'],
  ])('refuses %s, and makes nothing', async (_name, HostConfig, message) => {
    const answer = await engine.api.post('/containers/create?name=lonely', { Image: 'busybox', HostConfig });
    expect([answer.status, answer.message]).toEqual([400, message]);
    expect((await engine.api.get('/containers/lonely/json')).status).toBe(404);
  });

  test('knows containerd’s name for an ordinary runtime', async () => {
    const ran = await engine.docker('run', '--rm', '--runtime', 'io.containerd.runc.v2', 'busybox', 'echo', 'ran');
    expect(ran).toEqual({ code: 0, stdout: 'ran\n', stderr: '' });
  });
});

describe('states', () => {
  test('go from created over running, paused and exited to gone', async () => {
    const id = await engine.output('create', '--name', 'states', 'busybox', 'sleep', '1000');
    const status = async () => (await engine.inspect('states')).State?.Status;
    expect(await status()).toBe('created');
    await engine.output('start', 'states');
    expect(await status()).toBe('running');
    expect((await engine.inspect(id)).State?.Pid).toBeGreaterThan(0);
    await engine.output('pause', 'states');
    expect(await status()).toBe('paused');
    expect((await engine.docker('exec', 'states', 'true')).code).not.toBe(0);
    await engine.output('unpause', 'states');
    expect(await engine.output('exec', 'states', 'echo', 'awake')).toBe('awake');
    await engine.output('stop', '-t', '0', 'states');
    expect((await engine.inspect('states')).State).toMatchObject({ Status: 'exited', ExitCode: 137, Pid: 0 });
    await engine.output('rm', 'states');
    expect((await engine.api.get('/containers/states/json')).status).toBe(404);
  });

  test('a second start answers 304, a second stop too', async () => {
    await engine.output('create', '--name', 'twice', 'busybox', 'sleep', '1000');
    expect((await engine.api.post('/containers/twice/start')).status).toBe(204);
    expect((await engine.api.post('/containers/twice/start')).status).toBe(304);
    expect((await engine.api.post('/containers/twice/stop?t=0')).status).toBe(204);
    expect((await engine.api.post('/containers/twice/stop?t=0')).status).toBe(304);
    // By whatever signal, as in Docker.
    expect(await engine.docker('stop', '-s', 'NOPE', 'twice')).toMatchObject({ code: 0, stdout: 'twice\n' });
  });

  test('a running container is removed only by force', async () => {
    await engine.output('run', '-d', '--name', 'busy', 'busybox', 'sleep', '1000');
    const refused = await engine.api.delete('/containers/busy');
    expect(refused.status).toBe(409);
    expect(refused.message).toContain('container is running');
    expect((await engine.api.delete('/containers/busy?force=1')).status).toBe(204);
  });

  test('names are unique, can be changed, and are free again after removal', async () => {
    await engine.output('create', '--name', 'first', 'busybox');
    const conflict = await engine.docker('create', '--name', 'first', 'busybox');
    expect(conflict.code).toBe(1);
    expect(conflict.stderr).toContain('The container name "/first" is already in use');
    await engine.output('rename', 'first', 'second');
    await engine.output('create', '--name', 'first', 'busybox');
    await engine.output('rm', 'first', 'second');
  });

  test('an unknown container is 404 everywhere', async () => {
    for (const path of ['json', 'top', 'logs?stdout=1', 'stats?stream=0', 'changes']) {
      expect((await engine.api.get(`/containers/nobody/${path}`)).status).toBe(404);
    }
    for (const verb of ['start', 'stop', 'kill', 'pause', 'wait', 'restart']) {
      expect((await engine.api.post(`/containers/nobody/${verb}`)).status).toBe(404);
    }
  });
});

describe('signals', () => {
  test('stop sends the container’s stop signal', async () => {
    const script = 'trap "echo got usr1; exit 3" USR1; echo ready; while :; do sleep 0.05; done';
    const id = await engine.output('run', '-d', '--stop-signal', 'USR1', 'busybox', 'sh', '-c', script);
    await until(async () => (await engine.output('logs', id)).includes('ready'));
    await engine.output('stop', id);
    expect((await engine.inspect(id)).State?.ExitCode).toBe(3);
    expect(await engine.output('logs', id)).toContain('got usr1');
  });

  test('kill refuses unknown signals and containers that do not run', async () => {
    await engine.output('create', '--name', 'idle', 'busybox', 'sleep', '1000');
    expect((await engine.api.post('/containers/idle/kill')).status).toBe(409);
    expect((await engine.api.post('/containers/idle/kill?signal=NOPE')).status).toBe(400);
    await engine.output('start', 'idle');
    expect((await engine.api.post('/containers/idle/stop?signal=NOPE')).status).toBe(400);
    await engine.output('stop', '-t', '0', 'idle');
  });

  test.each([
    ['rm -f', ['rm', '-f']],
    ['kill', ['kill']],
    ['stop -t 0', ['stop', '-t', '0']],
  ])('%s ends a container that somebody else has frozen, inside and out', async (_, command) => {
    const id = await engine.output('run', '-d', 'busybox', 'sh', '-c', 'sleep 1000 & sleep 1000');
    const { Pid: pid } = (await engine.inspect(id)).State!;
    const [cgroup, file, frozen] = freezerOf(pid!);
    mkdirSync(`${cgroup}/inner`);
    const others = () =>
      readFileSync(`${cgroup}/cgroup.procs`, 'utf8')
        .split('\n')
        .filter(line => line !== '' && line !== String(pid));
    await until(() => others().length > 0);
    writeFileSync(`${cgroup}/inner/cgroup.procs`, others()[0]!);
    writeFileSync(`${cgroup}/inner/${file}`, frozen);
    writeFileSync(`${cgroup}/${file}`, frozen);
    await engine.output(...command, id);
    await engine.docker('rm', id);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  test('a process that runs out of memory is told as such', async () => {
    const ran = await engine.docker(
      ...['run', '--name', 'hungry', '--memory', '16m', '--memory-swap', '16m', 'busybox'],
      ...['sh', '-c', 'tail /dev/zero'],
    );
    expect(ran.code).toBe(137);
    expect((await engine.inspect('hungry')).State?.OOMKilled).toBe(true);
  });
});

describe('restart policies', () => {
  test('on-failure tries as often as it was told', async () => {
    await engine.output('run', '-d', '--name', 'failing', '--restart', 'on-failure:2', 'busybox', 'sh', '-c', 'exit 4');
    await until(async () => (await engine.inspect('failing')).State?.Status === 'exited');
    const { RestartCount, State } = await engine.inspect('failing');
    expect(RestartCount).toBe(2);
    expect(State?.ExitCode).toBe(4);
  });

  test('always starts again until it is stopped by name', async () => {
    await engine.output('run', '-d', '--name', 'eternal', '--restart', 'always', 'busybox', 'sh', '-c', 'exit 0');
    await until(async () => ((await engine.inspect('eternal')).RestartCount ?? 0) >= 2);
    await engine.output('stop', 'eternal');
    const count = (await engine.inspect('eternal')).RestartCount;
    expect((await engine.inspect('eternal')).State?.Status).toBe('exited');
    await Bun.sleep(500);
    expect((await engine.inspect('eternal')).RestartCount).toBe(count);
  });

  test('restart makes a new process of the same container', async () => {
    await engine.output('run', '-d', '--name', 'again', 'busybox', 'sleep', '1000');
    const before = (await engine.inspect('again')).State?.Pid;
    await engine.output('restart', '-t', '0', 'again');
    const after = (await engine.inspect('again')).State;
    expect(after?.Running).toBe(true);
    expect(after?.Pid).not.toBe(before);
  });
});

describe('exec', () => {
  test('has the environment, user, directory and exit code it was given', async () => {
    await engine.output('run', '-d', '--name', 'host', '-e', 'A=1', 'busybox', 'sleep', '1000');
    const script = 'echo $A $B $(pwd) $(id -u); exit 9';
    const ran = await engine.docker('exec', '-e', 'B=2', '-w', '/tmp', '-u', '1000', 'host', 'sh', '-c', script);
    expect(ran).toEqual({ code: 9, stdout: '1 2 /tmp 1000\n', stderr: '' });
  });

  test('takes stdin to its end', async () => {
    const ran = await engine.run(['exec', '-i', 'host', 'cat'], { input: 'through' });
    expect(ran.stdout).toBe('through');
  });

  test('ends with 127 for a command that is not there', async () => {
    expect((await engine.docker('exec', 'host', 'no-such-command')).code).toBe(127);
    const { code, stdout } = await engine.docker('exec', '-t', 'host', 'no-such-command');
    expect({ code, stdout }).toEqual({ code: 127, stdout: expect.stringContaining('executable file not found') });
  });

  test('blames the working directory when that is at fault', async () => {
    const { code, stdout } = await engine.docker('exec', '-w', '/no-such-place', 'host', 'ls');
    expect(code).toBe(127);
    expect(stdout).toContain('chdir to cwd ("/no-such-place") failed: no such file or directory');
    expect(stdout).not.toContain('"ls"');
  });

  test('detached runs on, and can be inspected', async () => {
    const created = await engine.api.post('/containers/host/exec', { Cmd: ['sh', '-c', 'exit 5'] });
    const { Id } = created.ok.json<{ Id: string }>();
    expect((await engine.api.post(`/exec/${Id}/start`, { Detach: true })).status).toBe(200);
    const done = await until(async () => {
      const state = (await engine.api.get(`/exec/${Id}/json`)).ok.json<{ Running: boolean; ExitCode: number }>();
      return state.Running ? undefined : state;
    });
    expect(done.ExitCode).toBe(5);
  });

  test('needs a container that runs', async () => {
    await engine.output('create', '--name', 'asleep', 'busybox');
    expect((await engine.api.post('/containers/asleep/exec', { Cmd: ['true'] })).status).toBe(409);
    expect((await engine.api.post('/exec/0123/start', {})).status).toBe(404);
  });
});

describe('health checks', () => {
  test('turn healthy, then unhealthy when the file goes', async () => {
    await engine.output(
      ...['run', '-d', '--name', 'patient', '--health-cmd', 'test -e /tmp/ok', '--health-interval', '100ms'],
      ...['--health-retries', '2', 'busybox', 'sh', '-c', 'touch /tmp/ok; sleep 1000'],
    );
    const health = async () => (await engine.inspect('patient')).State?.Health;
    await until(async () => (await health())?.Status === 'healthy');
    await engine.output('exec', 'patient', 'rm', '/tmp/ok');
    await until(async () => (await health())?.Status === 'unhealthy');
    expect((await health())?.FailingStreak).toBeGreaterThanOrEqual(2);
    expect((await health())?.Log?.at(-1)?.ExitCode).toBe(1);
  });
});

describe('the daemon', () => {
  test('killed and started again finds everything as it was', async () => {
    const id = await engine.output('run', '-d', '--name', 'survivor', 'busybox', 'sh', '-c', 'sleep 1000');
    const short = await engine.output('run', '-d', 'busybox', 'sh', '-c', 'sleep 0.5; exit 6');
    const { Pid } = (await engine.inspect(id)).State ?? {};
    const exec = async (script: string) => {
      const { Id } = (await engine.api.post(`/containers/${id}/exec`, { Cmd: ['sh', '-c', script] })).ok.json<IdOnly>();
      (await engine.api.post(`/exec/${Id}/start`, { Detach: true })).ok;
      return Id;
    };
    const execs = [await exec('sleep 0.5; exit 7'), await exec('while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 8')];
    await engine.kill();
    await Bun.sleep(1000);
    await engine.start();
    await engine.output('exec', id, 'touch', '/tmp/go');
    const state = async (exec: string) => (await engine.api.get(`/exec/${exec}/json`)).ok.json<{ ExitCode: number }>();
    for (const [index, code] of [7, 8].entries()) {
      await until(async () => (await state(execs[index]!)).ExitCode === code, { what: `an exec's exit code ${code}` });
    }
    expect((await engine.inspect(id)).State).toMatchObject({ Running: true, Pid });
    expect((await engine.inspect(short)).State).toMatchObject({ Status: 'exited', ExitCode: 6 });
    expect(await engine.output('exec', 'survivor', 'echo', 'still here')).toBe('still here');
    expect(await engine.output('wait', short)).toBe('6');
  });
});

/** Where all of a container's processes are frozen by hand: the directory, the file, and what is written there. */
function freezerOf(pid: number): [directory: string, file: string, frozen: string] {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  const freezer = lines.find(line => line.split(':')[1] === 'freezer');
  if (freezer) return [`/sys/fs/cgroup/freezer${freezer.split(':')[2]}`, 'freezer.state', 'FROZEN'];
  return [`/sys/fs/cgroup${lines.find(line => line.startsWith('0::'))!.slice('0::'.length)}`, 'cgroup.freeze', '1'];
}
