// Our command line as a person and as a script use it, on a real engine.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { run as runProgram } from '../support/process.ts';
import { ourClient } from '../support/programs.ts';
import { TerminalSession } from '../support/terminal-session.ts';
import { until } from '../support/until.ts';

let engine: TestEngine;
let scratch: string;

beforeAll(async () => {
  engine = await startEngine();
  scratch = mkdtempSync(join(tmpdir(), 'dockyard-cli-'));
});

afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true });
  await engine[Symbol.asyncDispose]();
});

const isCompiled = !ourClient.includes('--dockyard-program');

const inTerminal = (...args: string[]) =>
  new TerminalSession([...ourClient, ...args], { environment: engine.clientEnvironment() });

describe('in a terminal', () => {
  test('the process has its size, follows it, and gets every key', async () => {
    using session = inTerminal('run', '-it', '--rm', 'busybox', 'sh');
    await session.shows('# ');
    expect(session.isCooked).toBe(false);
    session.type('stty size\n');
    await session.shows('30 100');
    session.resize(120, 40);
    session.type('until stty size | grep "40 120"; do sleep 0.01; done; echo res"ized"\n');
    await session.shows('resized');
    session.forget();
    // While the shell reads a line, the key is its own; it must run something for the key to be a signal.
    session.type('echo run"ning"; sleep 600\n');
    await session.shows('running');
    session.type('\x03');
    await session.shows('^C');
    session.type('exit 5\n');
    expect(await session.ended()).toBe(5);
    expect(session.isCooked).toBe(true);
  });

  test('detach keys leave the container running, and attach finds it again', async () => {
    using first = inTerminal('run', '-it', '--name', 'detached', 'busybox', 'sh');
    await first.shows('# ');
    first.type('\x10\x11');
    expect(await first.ended()).toBe(0);
    expect(first.isCooked).toBe(true);
    expect((await engine.inspect('detached')).State?.Running).toBe(true);

    using second = inTerminal('attach', '--detach-keys', 'ctrl-a,d', 'detached');
    await until(() => !second.isCooked);
    second.type('echo $((6 * 7))\n');
    await second.shows('42');
    second.type('\x01d');
    expect(await second.ended()).toBe(1);
    await second.shows('read escape sequence');

    using third = inTerminal('attach', 'detached');
    await until(() => !third.isCooked);
    third.type('exit 4\n');
    expect(await third.ended()).toBe(4);
    await engine.output('rm', 'detached');
  });

  test('whatever ends the client, the terminal is as it was', async () => {
    await engine.output('run', '-d', '--name', 'target', 'busybox', 'sleep', '600');
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
      using session = inTerminal('exec', '-it', 'target', 'sh');
      await session.shows('# ');
      expect(session.isCooked).toBe(false);
      session.kill(signal);
      expect(await session.ended()).toBe(signal === 'SIGTERM' ? 143 : 129);
      expect(session.isCooked).toBe(true);
    }
    using failing = inTerminal('run', '-it', '--rm', 'busybox', 'no-such-command');
    expect(await failing.ended()).toBe(127);
    expect(failing.isCooked).toBe(true);
    await engine.output('rm', '-f', 'target');
  });

  test('exec has the size of the terminal', async () => {
    await engine.output('run', '-d', '--name', 'sized', 'busybox', 'sleep', '600');
    using session = inTerminal(
      'exec',
      '-it',
      'sized',
      'sh',
      '-c',
      'until stty size | grep "30 100"; do sleep 0.01; done',
    );
    await session.shows('30 100');
    expect(await session.ended()).toBe(0);
    await engine.output('rm', '-f', 'sized');
  });

  test('a terminal for the process needs one for its input', async () => {
    const ran = await engine.run(['run', '-it', '--rm', 'busybox', 'true'], { input: '' });
    expect(ran).toEqual({ code: 1, stdout: '', stderr: 'the input device is not a TTY\n' });
  });
});

describe('signals', () => {
  const trapping =
    'trap "echo got INT; exit 3" INT; trap "echo got USR1" USR1; echo ready; while :; do sleep 0.05; done';

  test('go to the process', async () => {
    using session = inTerminal('run', '--rm', 'busybox', 'sh', '-c', trapping);
    await session.shows('ready');
    session.kill('SIGUSR1');
    await session.shows('got USR1');
    session.kill('SIGINT');
    await session.shows('got INT');
    expect(await session.ended()).toBe(3);
  });

  test('asked three times, the client leaves', async () => {
    using session = inTerminal('run', '--name', 'stubborn', 'busybox', 'sh', '-c', 'trap "" INT; echo ready; sleep 60');
    await session.shows('ready');
    // Signals that come faster than they are taken count as one: as many as it needs.
    const ended = session.ended();
    await until(async () => {
      session.kill('SIGINT');
      return Promise.race([ended, undefined]).then(code => code !== undefined);
    });
    expect(await ended).toBe(1);
    await session.shows('got 3 SIGTERM/SIGINTs, forcefully exiting');
    await engine.output('rm', '-f', 'stubborn');
  });
});

describe('streams', () => {
  const size = 20_000_000;

  test('a slow reader gets everything', async () => {
    const child = engine.spawn(['run', '--rm', 'busybox', 'sh', '-c', `head -c ${size} /dev/zero; echo end >&2`]);
    await Bun.sleep(300);
    expect((await new Response(child.stdout).bytes()).length).toBe(size);
    expect(await new Response(child.stderr).text()).toBe('end\n');
    expect(await child.exited).toBe(0);
  });

  test('a reader that leaves ends the client, and nobody minds', async () => {
    const pipeline = `"$@" | head -c 10 | wc -c`;
    const talkers = [
      ['run', '--rm', 'busybox', 'head', '-c', String(size), '/dev/zero'],
      ['save', 'busybox'],
    ];
    for (const command of talkers) {
      const environment = engine.clientEnvironment();
      const ran = await runProgram(['sh', '-c', pipeline, 'sh', ...ourClient, ...command], { environment });
      expect(ran).toEqual({ code: 0, stdout: '10\n', stderr: '' });
    }
  });

  test('stdin arrives whole, and every byte of it comes back', async () => {
    const input = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 7) % 256));
    const child = engine.spawn(['run', '--rm', '-i', 'busybox', 'cat']);
    child.stdin.write(input);
    child.stdin.end();
    expect(Buffer.from(await new Response(child.stdout).bytes()).equals(input)).toBe(true);
    expect(await child.exited).toBe(0);
  });

  test('a container that ends does not wait for our stdin', async () => {
    const child = engine.spawn(['run', '--rm', '-i', 'busybox', 'true']);
    expect(await child.exited).toBe(0);
  });

  test('only what is attached is shown', async () => {
    const args = ['run', '--rm', '-a', 'stderr', 'busybox', 'sh', '-c', 'echo out; echo err >&2'];
    expect(await engine.docker(...args)).toEqual({ code: 0, stdout: '', stderr: 'err\n' });
  });

  test('our stdout stays as blocking as it was for those we share it with', async () => {
    const script = '"$@" >/dev/null; "$@"; cat /proc/self/fdinfo/1';
    const child = Bun.spawn(['sh', '-c', script, 'sh', ...ourClient, 'run', '--rm', 'busybox', 'echo', 'hi'], {
      env: engine.clientEnvironment(),
      stdout: 'pipe',
    });
    const flags = /flags:\s*([0-7]+)/.exec(await new Response(child.stdout).text())![1]!;
    expect(Number.parseInt(flags, 8) & 0o4000).toBe(0);
  });
});

describe('run', () => {
  test('writes the id where it is told, and never over another', async () => {
    const file = join(scratch, 'cid');
    const id = await engine.output('run', '-d', '--cidfile', file, 'busybox', 'true');
    expect(readFileSync(file, 'utf8')).toBe(id.trim());
    const again = await engine.docker('run', '--cidfile', file, 'busybox', 'true');
    expect(again.code).toBe(125);
    expect(again.stderr).toContain('container ID file found');
    await engine.output('rm', '-f', id.trim());
  });

  test('leaves no id file where there is no container', async () => {
    const file = join(scratch, 'none');
    expect((await engine.docker('create', '--cidfile', file, '--memory', '1', 'busybox')).code).toBe(1);
    expect(existsSync(file)).toBe(false);
  });

  test('takes the environment from flags, files and its own', async () => {
    writeFileSync(join(scratch, 'env'), '# comment\nFROM_FILE=1\nFROM_HERE\nMISSING\n');
    const args = [
      'run',
      '--rm',
      '-e',
      'PLAIN=a=b',
      '-e',
      'FROM_HERE',
      '--env-file',
      join(scratch, 'env'),
      'busybox',
      'env',
    ];
    const { stdout } = await engine.run(args, { environment: { FROM_HERE: 'here' } });
    const lines = stdout.split('\n');
    for (const line of ['PLAIN=a=b', 'FROM_FILE=1', 'FROM_HERE=here']) expect(lines).toContain(line);
    expect(stdout).not.toContain('MISSING');
  });

  // From source it is Bun that reads the file; an executable must not.
  test.if(isCompiled)("a project's .env is none of the client's business", async () => {
    writeFileSync(join(scratch, '.env'), 'DOCKER_HOST=tcp://127.0.0.1:1\nFROM_DOT_ENV=1\n');
    const environment = { DOCKER_HOST: undefined };
    const args = ['-H', engine.host, 'run', '--rm', '-e', 'FROM_DOT_ENV', 'busybox', 'env'];
    const { code, stdout } = await engine.run(args, { cwd: scratch, environment });
    expect(code).toBe(0);
    expect(stdout).not.toContain('FROM_DOT_ENV');
  });

  test('with a name that is taken fails before anything runs', async () => {
    await engine.output('create', '--name', 'taken', 'busybox');
    const ran = await engine.docker('run', '--name', 'taken', 'busybox', 'true');
    expect(ran.code).toBe(125);
    expect(ran.stderr).toMatch(
      /^docker: Error response from daemon: Conflict\. The container name "\/taken" is already in use/,
    );
    expect(ran.stderr).toEndWith("\n\nRun 'docker run --help' for more information\n");
    await engine.output('rm', 'taken');
  });

  test('--rm has removed the container when the client ends', async () => {
    await engine.docker('run', '--rm', '--name', 'gone', 'busybox', 'false');
    expect((await engine.api.get('/containers/gone/json')).status).toBe(404);
  });
});

describe('start', () => {
  test('attached shows the output and ends with the exit code', async () => {
    await engine.output('create', '--name', 'again', '-i', 'busybox', 'sh', '-c', 'cat; exit 6');
    const args = ['start', '-a', '-i', 'again'];
    expect(await engine.run(args, { input: 'typed' })).toEqual({ code: 6, stdout: 'typed', stderr: '' });
    expect((await engine.run(args, { input: 'twice' })).stdout).toBe('twice');
    await engine.output('rm', 'again');
  });

  test('of several tells which failed', async () => {
    await engine.output('create', '--name', 'good', 'busybox', 'true');
    const ran = await engine.docker('start', 'good', 'bad');
    expect(ran).toEqual({
      code: 1,
      stdout: 'good\n',
      stderr: 'Error response from daemon: No such container: bad\nError: failed to start containers: bad\n',
    });
    await engine.output('rm', '-f', 'good');
  });
});

describe('the rest', () => {
  test('several containers at once: those that succeed are printed, the others make it fail', async () => {
    for (const name of ['one', 'two']) await engine.output('run', '-d', '--name', name, 'busybox', 'sleep', '60');
    expect(await engine.docker('kill', 'one', 'nobody', 'two')).toEqual({
      code: 1,
      stdout: 'one\ntwo\n',
      stderr: 'Error response from daemon: No such container: nobody\n',
    });
    expect((await engine.output('wait', 'one', 'two')).trim()).toBe('137\n137');
    expect(await engine.docker('rm', '-f', 'one', 'nobody', 'two')).toEqual({
      code: 0,
      stdout: 'one\ntwo\n',
      stderr: 'Error response from daemon: No such container: nobody\n',
    });
  });

  test.each<[string, string[], number, string]>([
    ['exec', ['exec', 'lasting', 'sh', '-c', 'echo begun; sleep 60'], 255, 'went away in the middle of the command'],
    ['stats of one', ['stats', '--format', 'begun {{.ID}}', 'lasting'], 1, 'The engine has gone away'],
    // As with Docker's client.
    ['stats of all', ['stats', '--format', 'begun {{.ID}}'], 0, 'The engine has gone away'],
  ])('%s says so when the engine dies', async (_, command, code, message) => {
    const id = await engine.output('run', '-d', '--name', 'lasting', '--network', 'none', 'busybox', 'sleep', '60');
    const child = engine.spawn(command);
    let shown = '';
    const reading = (async () => {
      for await (const chunk of child.stdout) shown += Buffer.from(chunk);
    })();
    const known = command[0] === 'stats' ? id.slice(0, 12) : 'begun';
    await until(() => shown.includes(known));
    await engine.kill();
    expect(await child.exited).toBe(code);
    expect(await child.stderr.text()).toContain(message);
    await reading;
    await engine.start();
    await engine.output('rm', '-f', 'lasting');
  });

  test('logs keep stdout and stderr apart, and follow to the end', async () => {
    const script = 'echo a; echo b >&2; sleep 0.2; echo c';
    await engine.output('run', '-d', '--name', 'talk', 'busybox', 'sh', '-c', script);
    expect(await engine.docker('logs', '-f', 'talk')).toEqual({ code: 0, stdout: 'a\nc\n', stderr: 'b\n' });
    expect((await engine.docker('logs', '-n', '1', 'talk')).stdout).toBe('c\n');
    expect((await engine.docker('logs', '-t', 'talk')).stdout).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z a\n/);
    await engine.output('rm', '-f', 'talk');
  });

  test('cp both ways, and through pipes', async () => {
    await engine.output('create', '--name', 'files', 'busybox');
    writeFileSync(join(scratch, 'file'), 'content');
    await engine.output('cp', join(scratch, 'file'), 'files:/tmp/renamed');
    await engine.output('cp', 'files:/tmp/renamed', join(scratch, 'back'));
    expect(readFileSync(join(scratch, 'back'), 'utf8')).toBe('content');
    const copied = await engine.docker('cp', 'files:/tmp/renamed', '-');
    expect((await engine.run(['cp', '-', 'files:/var'], { input: copied.stdout })).code).toBe(0);
    await engine.output('cp', 'files:/var/renamed', join(scratch, 'piped'));
    expect(readFileSync(join(scratch, 'piped'), 'utf8')).toBe('content');
    expect(await engine.docker('cp', 'files:/nowhere', scratch)).toMatchObject({ code: 1 });
    await engine.output('rm', 'files');
  });
});
