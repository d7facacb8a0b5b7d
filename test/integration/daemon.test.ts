// dockerd itself: what it accepts, who gets in, how it changes and ends.
import { describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestCertificates } from '../../src/daemon/test-certificates.ts';
import { freePort } from '../../src/lib/testing/free-port.ts';
import type { SystemInfo } from '../../src/wire/types.ts';
import { type EngineOptions, startEngine, type TestEngine } from '../support/engine.ts';
import { run } from '../support/process.ts';
import { ourDaemon } from '../support/programs.ts';
import { RawConnection } from '../support/raw.ts';
import { until } from '../support/until.ts';

const info = async (engine: TestEngine) => (await engine.api.get('/info')).ok.json<SystemInfo>();

function temporaryDirectory(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'dockyard-daemon-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}

describe('what it is told', () => {
  const refused: [string[], string][] = [
    [['--nope'], 'unknown flag: --nope'],
    [['--userns-remap=default'], '--userns-remap: default is not built yet'],
    [['-H', 'tcp://127.0.0.1:0'], 'without TLS'],
    [['--config-file', '/nowhere/daemon.json'], '/nowhere/daemon.json'],
    [['--tlsverify', '--tlscert=/nowhere/cert.pem', '-H', 'tcp://127.0.0.1:0'], 'could not read /nowhere/cert.pem'],
  ];
  test.each(refused)('%p is refused', async (flags, message) => {
    const ended = await run([...ourDaemon, ...flags]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(message);
  });

  test('--validate says whether it would start', async () => {
    const good = await run([...ourDaemon, '--validate', '--label=a=b']);
    expect([good.code, good.stderr]).toEqual([0, 'configuration OK\n']);
    expect((await run([...ourDaemon, '--validate', '--label=a'])).code).toBe(1);
  });

  test('reaches the engine', async () => {
    await using engine = await startEngine({
      flags: ['--label', 'from=flag', '--log-format=json', '--debug'],
      config: { 'log-driver': 'local', 'registry-mirrors': ['https://mirror.example'] },
    });
    expect(await info(engine)).toMatchObject({
      Labels: ['from=flag'],
      Debug: true,
      LoggingDriver: 'local',
      RegistryConfig: { Mirrors: ['https://mirror.example/'] },
    });
    const lines = engine.log
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as unknown);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'info', msg: expect.any(String) }));
  });
});

test('a seccomp profile that can’t be used keeps the engine from starting', async () => {
  for (const [text, message] of [
    [undefined, 'no such file'],
    ['{', 'Decoding seccomp profile failed'],
  ]) {
    const started = startEngine({
      flags: ({ base }) => ['--seccomp-profile', `${base}/profile`],
      prepare: ({ base }) => (text === undefined ? undefined : writeFileSync(`${base}/profile`, text)),
    });
    await expect(started).rejects.toThrow(message);
  }
});

test('a stop gives as much time as the engine was told to', async () => {
  await using engine = await startEngine({ config: { 'default-stop-timeout': 0 } });
  await engine.output('run', '-d', '--name', 'deaf', 'busybox', 'sh', '-c', "trap '' TERM; while :; do sleep 1; done");
  const stopped = engine.output('stop', 'deaf').then(() => 'in time');
  expect(await Promise.race([stopped, Bun.sleep(8000).then(() => 'too late')])).toBe('in time');
});

test('when the machine goes down containers end with the engine, and after the boot policies decide', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'down-'));
  try {
    // In the place of systemd's, which says this during a shutdown.
    mkdirSync(`${folder}/bin`);
    writeFileSync(`${folder}/bin/systemctl`, '#!/bin/sh\necho stopping\nexit 1\n', { mode: 0o755 });
    await using engine = await startEngine({ environment: { PATH: `${folder}/bin:${process.env['PATH']}` } });
    const heeds = 'trap "exit 3" TERM; while :; do sleep 0.1; done';
    const run = (name: string, script: string, ...flags: string[]) =>
      engine.output('run', '-d', '--name', name, '--stop-timeout', '1', ...flags, 'busybox', 'sh', '-c', script);
    await run('heeds', `${heeds}`);
    await run('deaf', 'sleep 1000');
    await run('always', heeds, '--restart', 'always');
    await run('unless', 'sleep 1000', '--restart', 'unless-stopped');
    await run('stopped', heeds, '--restart', 'unless-stopped');
    await engine.output('stop', '-t', '0', 'stopped');
    const pids = await Promise.all(
      ['heeds', 'deaf', 'always', 'unless'].map(async name => (await engine.inspect(name)).State!.Pid),
    );
    expect(await engine.stop()).toBe(0);
    expect(pids.filter(pid => existsSync(`/proc/${pid}`))).toEqual([]);
    await engine.start();
    const state = async (name: string) => {
      const { Status, ExitCode } = (await engine.inspect(name)).State!;
      return `${Status} ${ExitCode}`;
    };
    await until(async () => (await state('always')) === 'running 0' && (await state('unless')) === 'running 0');
    expect(await state('heeds')).toBe('exited 3');
    expect(await state('deaf')).toBe('exited 137');
    expect(await state('stopped')).toBe('exited 137');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('the places of an engine', () => {
  test('belong to one daemon', async () => {
    await using engine = await startEngine();
    const { base, dataRoot, execRoot } = engine.roots;
    const second = (options: EngineOptions & { data: string; exec: string; pid: string }) =>
      run([
        ...ourDaemon,
        '--data-root',
        options.data,
        '--exec-root',
        options.exec,
        '--pidfile',
        options.pid,
        '--config-file',
        `${base}/daemon.json`,
        '-H',
        `unix://${base}/second`,
        '--bridge=none',
      ]);
    const other = { data: `${base}/data2`, exec: `${base}/exec2`, pid: `${base}/pid2` };
    const data = await second({ ...other, data: dataRoot });
    expect([data.code, data.stderr]).toEqual([1, expect.stringContaining('--data-root of its own')]);
    const exec = await second({ ...other, exec: execRoot });
    expect([exec.code, exec.stderr]).toEqual([1, expect.stringContaining('--exec-root of its own')]);
    const pid = await second({ ...other, pid: `${base}/pid` });
    expect([pid.code, pid.stderr]).toEqual([
      1,
      expect.stringContaining(`process with PID ${engine.pid} is still running`),
    ]);
    expect((await engine.api.get('/_ping')).status).toBe(200);
  });

  test('are the next daemon’s after a crash', async () => {
    await using engine = await startEngine();
    await engine.kill();
    expect(existsSync(engine.socket)).toBe(true);
    await engine.start();
    expect(readFileSync(`${engine.roots.base}/pid`, 'utf8')).toBe(String(engine.pid));
    await engine.stop();
    expect(existsSync(engine.socket)).toBe(false);
    expect(existsSync(`${engine.roots.base}/pid`)).toBe(false);
  });

  test('are given back when the daemon can’t start', async () => {
    await using engine = await startEngine({ start: false });
    writeFileSync(engine.socket, 'no socket');
    await expect(engine.start()).rejects.toThrow('it exists and is no socket');
    expect(existsSync(`${engine.roots.base}/pid`)).toBe(false);
    rmSync(engine.socket);
    await engine.start();
  });

  test('include a socket for root and one group', async () => {
    await using engine = await startEngine({ flags: ['--group', '12'] });
    const { mode, uid, gid } = statSync(engine.socket);
    expect([mode & 0o777, uid, gid]).toEqual([0o660, 0, 12]);
  });
});

describe('SIGHUP', () => {
  test('reads daemon.json again, and tells of it', async () => {
    await using engine = await startEngine({ config: { labels: ['a=b'] } });
    const file = `${engine.roots.base}/daemon.json`;
    writeFileSync(file, JSON.stringify({ labels: ['c=d'], debug: true, 'log-driver': 'local' }));
    process.kill(engine.pid, 'SIGHUP');
    await until(async () => (await info(engine)).Debug);
    expect(await info(engine)).toMatchObject({ Labels: ['c=d'], LoggingDriver: 'json-file' });
    const filters = encodeURIComponent('{"type":["daemon"],"event":["reload"]}');
    const events = await engine.api.get(`/events?since=1&until=${Date.now() / 1000}&filters=${filters}`);
    expect(JSON.parse(events.text).Actor.Attributes).toMatchObject({ labels: '["c=d"]', debug: 'true' });
  });

  test('changes which builder clients are told to use', async () => {
    await using engine = await startEngine({ config: { features: { buildkit: false } } });
    const recommended = async () => (await engine.api.get('/_ping')).headers.get('builder-version');
    expect(await recommended()).toBe('1');
    for (const [features, version] of [
      [{ buildkit: true }, '2'],
      [{}, null],
    ] as const) {
      writeFileSync(`${engine.roots.base}/daemon.json`, JSON.stringify({ features }));
      process.kill(engine.pid, 'SIGHUP');
      await until(async () => (await recommended()) === version);
    }
  });

  test('changes nothing when the file makes no sense', async () => {
    await using engine = await startEngine({ config: { labels: ['a=b'] } });
    writeFileSync(`${engine.roots.base}/daemon.json`, '{"labels":["c=d"],"nope":1}');
    process.kill(engine.pid, 'SIGHUP');
    await until(() => engine.log.includes('the configuration stays as it was'));
    expect((await info(engine)).Labels).toEqual(['a=b']);
  });
});

describe('the end', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends streams and leaves containers running', async signal => {
    await using engine = await startEngine();
    const id = await engine.output('run', '-d', '--network=none', 'busybox', 'sleep', '1000');
    const { Pid: pid } = (await engine.inspect(id)).State!;
    using attached = await RawConnection.hijack(engine.socket, `/containers/${id}/attach?stream=1&stdout=1`);
    using events = await RawConnection.open(engine.socket);
    events.send('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
    await events.until(text => text.includes('\r\n\r\n'));
    await engine.kill(signal);
    await attached.untilEnd();
    // The last chunk: an end, not a break.
    expect(await events.untilEnd()).toEndWith('0\r\n\r\n');
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    await engine.start();
    expect((await engine.inspect(id)).State).toMatchObject({ Running: true, Pid: pid });
  });
});

describe('TCP', () => {
  test('without TLS serves who asked for it by name, and goes on warning', async () => {
    const port = freePort();
    await using engine = await startEngine({ flags: ['-H', `tcp://127.0.0.1:${port}`, '--allow-insecure-tcp'] });
    expect(await (await fetch(`http://127.0.0.1:${port}/_ping`)).text()).toBe('OK');
    expect((await info(engine)).Warnings?.join()).toContain(`tcp://127.0.0.1:${port} without encryption`);
  });

  test('with --tlsverify serves Docker’s own client, if its certificate is of the CA', async () => {
    const port = freePort();
    using directory = temporaryDirectory();
    const certificates = new TestCertificates(directory.path);
    certificates.authority('ca');
    certificates.authority('other');
    certificates.certificate('server', 'ca');
    certificates.certificate('client', 'ca');
    certificates.certificate('stranger', 'other');
    const path = (name: string) => certificates.path(name);
    const flags = [
      '--tlsverify',
      `--tlscacert=${path('ca')}`,
      `--tlscert=${path('server')}`,
      `--tlskey=${path('server-key')}`,
    ];
    await using engine = await startEngine({ flags: [...flags, '-H', `tcp://127.0.0.1:${port}`] });
    const client = (who: string) => {
      const tls = [`--tlscacert=${path('ca')}`, `--tlscert=${path(who)}`, `--tlskey=${path(`${who}-key`)}`];
      return engine.official(
        '--tlsverify',
        ...tls,
        '-H',
        `tcp://localhost:${port}`,
        'run',
        '--rm',
        '-i',
        '--network=none',
        'busybox',
        'echo',
        'hello',
      );
    };
    expect(await client('client')).toMatchObject({ code: 0, stdout: 'hello\n' });
    const stranger = await client('stranger');
    expect([stranger.code, stranger.stdout]).toEqual([125, '']);
  });

  test('carries the WebSocket attach', async () => {
    const port = freePort();
    await using engine = await startEngine({ flags: ['-H', `tcp://127.0.0.1:${port}`, '--allow-insecure-tcp'] });
    const id = await engine.output('create', '-i', '--network=none', 'busybox', 'cat');
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1.56/containers/${id}/attach/ws?stream=1&stdin=1&stdout=1`);
    socket.binaryType = 'arraybuffer';
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = reject;
    });
    let text = '';
    socket.onmessage = ({ data }) => {
      text += Buffer.from(data as ArrayBuffer).toString();
    };
    await engine.output('start', id);
    socket.send('over the web');
    await until(() => text === 'over the web');
    const closed = new Promise(resolve => {
      socket.onclose = resolve;
    });
    await engine.output('kill', id);
    await closed;
  });
});
