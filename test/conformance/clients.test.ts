// The same session with a docker command, for every pair of client and engine that must get along. DOCKYARD_TEST_ORACLE=1
// adds Docker's client with Docker's engine: what fails there is wrong here.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine } from '../support/engine.ts';
import { startOfficialEngine } from '../support/official-engine.ts';
import { type Ran, type RunOptions, run } from '../support/process.ts';
import { officialClients, ourClient } from '../support/programs.ts';
import { until } from '../support/until.ts';

interface Engine extends AsyncDisposable {
  clientEnvironment(): Record<string, string | undefined>;
}

interface Pair {
  name: string;
  client: readonly string[];
  engine: () => Promise<Engine>;
}

const pairs: Pair[] = [
  ...officialClients.map(client => ({
    name: `${client} with our engine`,
    client: [client],
    engine: () => startEngine(),
  })),
  { name: 'our client with our engine', client: ourClient, engine: () => startEngine() },
  { name: "our client with Docker's engine", client: ourClient, engine: startOfficialEngine },
];
if (process.env['DOCKYARD_TEST_ORACLE']) {
  pairs.push({ name: 'Docker with Docker', client: [officialClients[0]!], engine: startOfficialEngine });
}

for (const { name, client, engine: open } of pairs) describe(name, () => session(client, open));

function session(client: readonly string[], open: () => Promise<Engine>): void {
  let engine: Engine;
  const scratch = mkdtempSync(join(tmpdir(), 'conformance-'));
  beforeAll(async () => {
    engine = await open();
  });
  afterEach(async () => {
    // What one test leaves must not show in the next.
    const { stdout } = await docker(['ps', '-aq']);
    if (stdout !== '') await docker(['rm', '-f', ...stdout.trim().split('\n')]);
  });
  afterAll(async () => {
    rmSync(scratch, { recursive: true });
    await engine?.[Symbol.asyncDispose]();
  });

  const docker = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
    run([...client, ...args], { environment: engine.clientEnvironment(), ...options });
  /** For commands that must succeed: what they wrote to stdout. */
  const ok = async (...args: string[]): Promise<string> => {
    const ran = await docker(args);
    expect({ args, code: ran.code, stderr: ran.stderr }).toEqual({ args, code: 0, stderr: '' });
    return ran.stdout.trimEnd();
  };
  const NONE = ['--network', 'none'];
  const sleeper = (...flags: string[]) => ok('run', '-d', ...NONE, ...flags, 'busybox', 'sleep', '1000');

  test('version and info', async () => {
    expect(await ok('version', '--format', '{{.Server.Os}} {{.Client.Os}}')).toBe('linux linux');
    expect(await ok('info', '--format', '{{.OSType}} {{.Containers}}')).toBe('linux 0');
  });

  test('output, errors and exit codes of run', async () => {
    const both = await docker(['run', '--rm', ...NONE, 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    expect(both).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
    expect((await docker(['run', '--rm', ...NONE, 'busybox', '/nonexistent'])).code).toBe(127);
    expect((await docker(['run', '--rm', ...NONE, 'busybox', '/etc'])).code).toBe(126);
    expect((await docker(['run', '--rm', '--no-such-flag', 'busybox'])).code).toBe(125);
    expect((await docker(['run', '--rm', ...NONE, '-v', 'a:b:c:d', 'busybox'])).code).toBe(125);
    const killed = 'sleep 9 & kill -9 $!; wait $!';
    expect((await docker(['run', '--rm', ...NONE, 'busybox', 'sh', '-c', killed])).code).toBe(137);
  });

  test('stdin reaches the container, its end as well', async () => {
    const input = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 256));
    const ran = await docker(['run', '-i', '--rm', ...NONE, 'busybox', 'md5sum'], { input });
    const sum = new Bun.CryptoHasher('md5').update(input).digest('hex');
    expect(ran).toEqual({ code: 0, stdout: `${sum}  -\n`, stderr: '' });
  });

  test('environment, user, workdir, hostname, labels', async () => {
    const flags = ['-e', 'A=b c', '-u', '1000:1000', '-w', '/made/up', '-h', 'box', '-l', 'x=y'];
    const script = 'echo "$A"; id -u; pwd; hostname';
    expect(await ok('run', '--rm', ...NONE, ...flags, 'busybox', 'sh', '-c', script)).toBe('b c\n1000\n/made/up\nbox');
  });

  test('ps, inspect and filters', async () => {
    const id = await sleeper('--name', 'looked-at', '--label', 'group=ps');
    expect(await ok('ps', '--no-trunc', '--format', '{{.ID}} {{.Names}} {{.Image}} {{.State}}')).toBe(
      `${id} looked-at busybox running`,
    );
    expect(await ok('ps', '-q', '--filter', 'label=group=ps')).toBe(id.slice(0, 12));
    expect(await ok('ps', '-q', '--filter', 'label=group=none')).toBe('');
    expect(await ok('inspect', '--format', '{{.State.Status}} {{json .Config.Cmd}} {{len .Mounts}}', 'looked-at')).toBe(
      'running ["sleep","1000"] 0',
    );
    expect(await ok('inspect', '-f', '{{.Name}}', id.slice(0, 6))).toBe('/looked-at');
    expect((await docker(['inspect', 'missing'])).code).toBe(1);
    expect(await ok('rm', '-f', 'looked-at')).toBe('looked-at');
  });

  test('exec', async () => {
    await sleeper('--name', 'host');
    expect(await ok('exec', '-e', 'X=1', '-w', '/tmp', 'host', 'sh', '-c', 'echo $X; pwd')).toBe('1\n/tmp');
    expect((await docker(['exec', 'host', 'sh', '-c', 'exit 5'])).code).toBe(5);
    // 126 until Docker 23.
    expect([126, 127]).toContain((await docker(['exec', 'host', 'nonexistent'])).code);
    expect((await docker(['exec', '-i', 'host', 'cat'], { input: 'through' })).stdout).toBe('through');
    await ok('exec', '-d', 'host', 'touch', '/tmp/detached');
    await until(async () => (await docker(['exec', 'host', 'ls', '/tmp/detached'])).code === 0);
    await ok('rm', '-f', 'host');
  });

  test('logs: tail, timestamps, both streams, follow to the end', async () => {
    const script = 'for i in 1 2 3; do echo $i; done; echo e >&2; sleep 0.3; echo last';
    await ok('run', '-d', '--name', 'talker', ...NONE, 'busybox', 'sh', '-c', script);
    const followed = await docker(['logs', '-f', 'talker']);
    expect(followed).toEqual({ code: 0, stdout: '1\n2\n3\nlast\n', stderr: 'e\n' });
    expect((await docker(['logs', '--tail', '1', 'talker'])).stdout).toBe('last\n');
    expect((await docker(['logs', '-t', '--tail', '1', 'talker'])).stdout).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z last\n$/,
    );
    await ok('rm', 'talker');
  });

  test('create, start -a, wait, restart, stop, kill, pause, rename', async () => {
    await ok('create', '--name', 'life', ...NONE, 'busybox', 'sh', '-c', 'echo alive; exit 3');
    expect(await docker(['start', '-a', 'life'])).toEqual({ code: 3, stdout: 'alive\n', stderr: '' });
    expect(await ok('wait', 'life')).toBe('3');
    await ok('rename', 'life', 'life2');
    expect(await ok('ps', '-a', '--format', '{{.Names}}')).toBe('life2');
    await ok('rm', 'life2');

    await sleeper('--name', 'going', '--stop-timeout', '0');
    const pid = () => ok('inspect', '-f', '{{.State.Pid}}', 'going');
    const before = await pid();
    await ok('restart', '-t', '0', 'going');
    expect(await pid()).not.toBe(before);
    await ok('pause', 'going');
    expect(await ok('ps', '--format', '{{.State}}')).toBe('paused');
    await ok('unpause', 'going');
    await ok('kill', '-s', 'KILL', 'going');
    expect(await ok('wait', 'going')).toBe('137');
    await ok('start', 'going');
    expect(await ok('stop', '-t', '0', 'going')).toBe('going');
    await ok('rm', 'going');
  });

  test('volumes and bind mounts', async () => {
    expect(await ok('volume', 'create', 'kept')).toBe('kept');
    await ok('run', '--rm', ...NONE, '-v', 'kept:/data', 'busybox', 'sh', '-c', 'echo in > /data/file');
    expect(await ok('run', '--rm', ...NONE, '-v', 'kept:/data:ro', 'busybox', 'cat', '/data/file')).toBe('in');
    expect(await ok('volume', 'ls', '-q')).toBe('kept');
    expect(await ok('volume', 'inspect', '-f', '{{.Driver}}', 'kept')).toBe('local');
    expect(await ok('volume', 'rm', 'kept')).toBe('kept');
    writeFileSync(`${scratch}/bound`, 'from the host');
    const mount = ['--mount', `type=bind,source=${scratch}/bound,target=/bound,readonly`];
    expect(await ok('run', '--rm', ...NONE, ...mount, 'busybox', 'cat', '/bound')).toBe('from the host');
  });

  test('cp both ways, diff, export, commit', async () => {
    await ok('create', '--name', 'files', ...NONE, 'busybox', 'touch', '/touched');
    writeFileSync(`${scratch}/given`, 'carried');
    await docker(['cp', `${scratch}/given`, 'files:/root/given']);
    await docker(['cp', 'files:/root/given', `${scratch}/returned`]);
    expect(readFileSync(`${scratch}/returned`, 'utf8')).toBe('carried');
    await ok('start', '-a', 'files');
    const changes = (await ok('diff', 'files')).split('\n').sort();
    expect(changes).toEqual(['A /root/given', 'A /touched', 'C /root']);
    await ok('export', '-o', `${scratch}/exported.tar`, 'files');
    expect((await run(['tar', 'tf', `${scratch}/exported.tar`])).stdout).toContain('root/given\n');
    await ok('commit', '-c', 'CMD ["cat", "/root/given"]', 'files', 'committed:v1');
    expect(await ok('run', '--rm', ...NONE, 'committed:v1')).toBe('carried');
    await ok('rm', 'files');
    await ok('rmi', 'committed:v1');
  });

  test('images: list, tag, inspect, import, remove', async () => {
    await ok('tag', 'busybox', 'example/other:1');
    expect(await ok('images', '--format', '{{.Repository}}:{{.Tag}}', 'example/other')).toBe('example/other:1');
    expect(await ok('image', 'inspect', '-f', '{{.Os}}', 'example/other:1')).toBe('linux');
    expect((await docker(['rmi', 'example/other:1'])).stdout).toContain('Untagged: example/other:1');
    await run(['tar', 'cf', `${scratch}/one.tar`, '-C', scratch, 'given']);
    await ok('import', `${scratch}/one.tar`, 'imported:1');
    expect(await ok('images', '-q', 'imported:1')).toMatch(/^[0-9a-f]{12}$/);
    await docker(['rmi', 'imported:1']);
    const pull = await docker(['run', '--rm', '--pull', 'never', 'no/such/image']);
    expect(pull.code).toBe(125);
  });

  test('top, stats, update, events', async () => {
    const since = (Date.now() / 1000).toFixed(3);
    await sleeper('--name', 'busy', '--memory', '64m');
    // A start ends when the runtime's init has been let go; it becomes the program a moment later.
    await until(async () => (await ok('top', 'busy')).includes('sleep 1000'));
    expect(await ok('stats', '--no-stream', '--format', '{{.Name}}', 'busy')).toBe('busy');
    await ok('update', '--memory', '128m', '--memory-swap', '256m', 'busy');
    expect(await ok('inspect', '-f', '{{.HostConfig.Memory}}', 'busy')).toBe(String(128 << 20));
    await ok('rm', '-f', 'busy');
    const end = (Date.now() / 1000 + 0.5).toFixed(3);
    const filters = ['--filter', 'type=container', '--filter', 'container=busy'];
    const seen = await ok('events', '--since', since, '--until', end, ...filters, '--format', '{{.Action}}');
    const order = seen.split('\n').filter(status => !status.startsWith('exec') && status !== 'top');
    expect(order.filter(status => ['create', 'start', 'die', 'destroy'].includes(status))).toEqual([
      'create',
      'start',
      'die',
      'destroy',
    ]);
  });

  test('errors are told as Docker tells them', async () => {
    const missing = await docker(['stop', 'nobody']);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('No such container: nobody') });
    await sleeper('--name', 'twice');
    const again = await docker(['run', '-d', '--name', 'twice', ...NONE, 'busybox', 'true']);
    expect(again.code).toBe(125);
    expect(again.stderr).toContain('The container name "/twice" is already in use by container');
    const inUse = await docker(['rm', 'twice']);
    expect(inUse.code).toBe(1);
    expect(inUse.stderr).toMatch(/container is running|running container/);
    await ok('rm', '-f', 'twice');
  });

  test('prune', async () => {
    await ok('create', '--name', 'pruned', ...NONE, 'busybox', 'true');
    expect(await ok('container', 'prune', '-f')).toContain('Deleted Containers:');
    expect(await ok('ps', '-aq')).toBe('');
  });
}
