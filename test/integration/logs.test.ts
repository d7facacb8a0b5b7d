// Logs of real containers, written by conmon, under every driver.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { demultiplex } from '../support/frames.ts';
import { until } from '../support/until.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

async function log(container: string, query = ''): Promise<string> {
  const answer = await engine.api.get(`/containers/${container}/logs?stdout=1&stderr=1${query}`);
  return demultiplex(answer.ok.bytes).stdout;
}

/** Prints so many numbered lines, as fast as it can. */
const counter = (count: number) => `i=0; while [ $i -lt ${count} ]; do echo line $i; i=$((i+1)); done`;
const counted = (count: number) => Array.from({ length: count }, (_, index) => `line ${index}\n`).join('');

const drivers = ['local', 'json-file'];

describe.each(drivers)('%s', driver => {
  const create = (...args: string[]) => engine.output('run', '-d', '--log-driver', driver, ...args);

  test('both streams, their times, the last lines, a span of time', async () => {
    const id = await create('busybox', 'sh', '-c', 'echo one; echo two >&2; sleep 0.2; echo -n three');
    await engine.output('wait', id);
    const all = demultiplex((await engine.api.get(`/containers/${id}/logs?stdout=1&stderr=1`)).ok.bytes);
    expect(all).toEqual({ stdout: 'one\nthree', stderr: 'two\n' });
    const ran = await engine.docker('logs', '-t', id);
    expect(ran.stdout).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z one\n\S{30} three$/);
    expect(await engine.output('logs', '--tail', '1', id)).toBe('three');
    const [time] = ran.stdout.split(' ');
    expect(await engine.output('logs', '--since', time!, id)).toBe('one\nthree');
    expect(await engine.output('logs', '--until', '2020-01-01T00:00:00Z', id)).toBe('');
    expect(await engine.output('logs', '--since', '1m', '--tail', '2', id)).toContain('three');
  });

  test('bytes of a terminal as they are', async () => {
    const id = await create('-t', 'busybox', 'printf', 'a\\033[1mb\\t"\\\\\\n\\0end');
    await engine.output('wait', id);
    const answer = await engine.api.get(`/containers/${id}/logs?stdout=1`);
    expect(answer.text).toBe('a\x1b[1mb\t"\\\r\n\0end');
  });

  test('a follower gets each line once while the files rotate, and ends with the container', async () => {
    const options = ['--log-opt', 'max-size=100k', '--log-opt', 'max-file=3', '--log-opt', 'compress=true'];
    const id = await create(...options, 'busybox', 'sh', '-c', `sleep 0.3; ${counter(60_000)}`);
    expect(await log(id, '&follow=1')).toBe(counted(60_000));
    const rest = await log(id);
    expect(counted(60_000).endsWith(rest)).toBe(true);
    expect(rest.length).toBeLessThan(800_000);
    expect(await log(id, '&tail=100')).toBe(
      counted(60_000)
        .split(/(?<=\n)/)
        .slice(-100)
        .join(''),
    );
  });

  test('not a line is lost, doubled or out of order when the daemon is killed', async () => {
    const options = ['--log-opt', 'max-size=200k', '--log-opt', 'max-file=1000'];
    const id = await create(
      ...options,
      'busybox',
      'sh',
      '-c',
      `n=0; while [ $n -lt 100000 ]; do ${counter(1000)}; n=$((n+1000)); sleep 0.01; done`,
    );
    for (let round = 0; round < 4; round++) {
      await Bun.sleep(100);
      await engine.kill();
      await Bun.sleep(50);
      await engine.start();
    }
    await engine.output('wait', id);
    expect(await log(id)).toBe(counted(1000).repeat(100));
  }, 60_000);

  test('a restarted container goes on in its log', async () => {
    const id = await create('busybox', 'echo', 'again');
    await engine.output('wait', id);
    await engine.output('start', '-a', id);
    expect(await log(id)).toBe('again\nagain\n');
  });
});

describe('json-file', () => {
  test('writes the files that log shippers read', async () => {
    const options = ['--log-opt', 'labels=tier', '--log-opt', 'env=MODE', '--log-opt', 'tag={{.Name}}'];
    const container = ['--name', 'shipped', '--label', 'tier=front', '-e', 'MODE=<x>'];
    // It is the default.
    await engine.output(
      'run',
      '-d',
      ...options,
      ...container,
      'busybox',
      'sh',
      '-c',
      'echo "a <b>"; echo err >&2; sleep 1000',
    );
    const { LogPath, Id: id, HostConfig } = await engine.inspect('shipped');
    expect(HostConfig?.LogConfig?.Type).toBe('json-file');
    const path = LogPath ?? '';
    expect(path).toBe(`${engine.dataRoot}/containers/${id}/${id}-json.log`);
    const lines = await until(() => {
      const read = readFileSync(path, 'utf8').trimEnd().split('\n');
      return read.length === 2 ? read : undefined;
    });
    const attributes = '"attrs":{"MODE":"\\u003cx\\u003e","tag":"shipped","tier":"front"}';
    const time = '"time":"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?Z"';
    expect(lines.map(line => line.replace(new RegExp(time), 'TIME')).sort()).toEqual([
      `{"log":"a \\u003cb\\u003e\\n","stream":"stdout",${attributes},TIME}`,
      `{"log":"err\\n","stream":"stderr",${attributes},TIME}`,
    ]);
    expect(await engine.output('logs', '--details', 'shipped')).toBe('MODE=%3Cx%3E,tag=shipped,tier=front a <b>');
  });

  test('has its file before there is a line', async () => {
    const id = await engine.output('run', '-d', 'busybox', 'sleep', '1000');
    const { LogPath, HostConfig } = await engine.inspect(id);
    expect(HostConfig?.LogConfig).toEqual({ Type: 'json-file', Config: {} });
    expect(readFileSync(LogPath!, 'utf8')).toBe('');
  });

  test('a follower of a container that removes itself gets all of it', async () => {
    const script = 'until [ -e /go ]; do sleep 0.1; done; seq 300000';
    const id = await engine.output('run', '-d', '--rm', 'busybox', 'sh', '-c', script);
    const followed = log(id, '&follow=1');
    // The engine gets to this after the follower.
    await engine.output('exec', id, 'touch', '/go');
    const all = Array.from({ length: 300_000 }, (_, index) => `${index + 1}\n`).join('');
    expect((await followed) === all).toBe(true);
  });

  test('rotates and compresses under Docker’s names', async () => {
    const options = ['--log-opt', 'max-size=50k', '--log-opt', 'max-file=3', '--log-opt', 'compress=true'];
    const id = await engine.output(
      'run',
      '-d',
      '--log-driver',
      'json-file',
      ...options,
      'busybox',
      'sh',
      '-c',
      counter(20_000),
    );
    await engine.output('wait', id);
    const path = (await engine.inspect(id)).LogPath ?? '';
    await until(() => {
      const names = readdirSync(dirname(path))
        .filter(name => name.includes('json.log'))
        .sort();
      return names.join() === [`${id}-json.log`, `${id}-json.log.1.gz`, `${id}-json.log.2.gz`].join();
    });
  });
});

describe('none and others', () => {
  test('none has nothing to read, but attached clients get all', async () => {
    const ran = await engine.docker('run', '--name', 'unlogged', '--log-driver', 'none', 'busybox', 'echo', 'seen');
    expect(ran.stdout).toBe('seen\n');
    const answer = await engine.api.get('/containers/unlogged/logs?stdout=1');
    expect(answer.message).toBe('configured logging driver does not support reading');
    expect(answer.status).toBe(400);
  });

  test('unknown drivers and options are refused before anything is made', async () => {
    const create = (LogConfig: object) =>
      engine.api.post('/containers/create', { Image: 'busybox', HostConfig: { LogConfig } });
    expect((await create({ Type: 'nosuch' })).message).toBe("logger: no log driver named 'nosuch' is registered");
    expect((await create({ Type: 'json-file', Config: { color: 'red' } })).message).toBe(
      "unknown log opt 'color' for json-file log driver",
    );
    expect((await create({ Type: 'syslog' })).status).toBe(501);
  });
});
