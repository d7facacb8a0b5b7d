// What every driver that can be read back must do, run by each of them.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerId } from '../../lib/ids.ts';
import { logDriver, validateLogOptions } from './drivers.ts';
import { FakeConmon } from './fake-conmon.ts';
import type { ContainerLog, LogContext, LogQuery } from './log-driver.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dockyard-logs-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function context(options: Record<string, string>, reopen: () => Promise<void>): LogContext {
  return {
    containerId: 'c0ffee' as ContainerId,
    containerName: '/web',
    imageName: 'busybox:latest',
    imageId: 'sha256:1234',
    labels: { tier: 'front end', secret: 'x' },
    env: ['MODE=test', 'OTHER=1'],
    entrypoint: 'sh',
    args: ['-c', 'true'],
    created: new Date(0),
    tty: false,
    daemonName: 'docker',
    options,
    directory,
    publicDirectory: directory,
    compressAfterMilliseconds: 0,
    reopen,
  };
}

/** A container that logs: what it writes and the log it is read back from. */
class Logging implements AsyncDisposable {
  readonly conmon: FakeConmon;
  log: ContainerLog;
  constructor(
    readonly driver: string,
    readonly options: Record<string, string> = {},
  ) {
    this.conmon = new FakeConmon(join(directory, driver === 'local' ? 'container.log' : 'conmon.log'));
    this.log = this.#open();
    expect(this.log.conmonTarget).toBe(`k8s-file:${this.conmon.path}`);
  }

  #open(): ContainerLog {
    const log = logDriver(this.driver).open(context(this.options, this.conmon.reopen));
    log.attach();
    return log;
  }

  async restartDaemon(): Promise<void> {
    await this.log.close();
    this.log = this.#open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log.close();
    this.conmon[Symbol.dispose]();
  }
}

function query(options: Partial<LogQuery> = {}): LogQuery {
  const defaults = { stdout: true, stderr: true, timestamps: false, details: false, follow: false };
  return { ...defaults, signal: new AbortController().signal, ...options };
}

async function read(log: ContainerLog, options: Partial<LogQuery> = {}): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const batch of log.read(query(options))) parts.push(...batch.map(chunk => chunk.data));
  return Buffer.concat(parts).toString();
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(milliseconds) * 1_000_000n;
}

function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `line ${from + index} ${'.'.repeat((from + index) % 90)}\n`);
}

describe.each(['local', 'json-file'])('the log of driver %s', driver => {
  const rotating = { 'max-size': '20k', 'max-file': '4', compress: 'true' };

  test('gives back both streams in order and by themselves', async () => {
    await using c = new Logging(driver);
    c.conmon.write('out 1\nout 2\n');
    c.conmon.write('err 1\n', 2);
    c.conmon.write('out 3\n');
    expect(await read(c.log)).toBe('out 1\nout 2\nerr 1\nout 3\n');
    expect(await read(c.log, { stdout: false })).toBe('err 1\n');
    expect(await read(c.log, { stderr: false })).toBe('out 1\nout 2\nout 3\n');
  });

  test('joins the pieces of a line and keeps what has no newline', async () => {
    await using c = new Logging(driver);
    c.conmon.write('one ');
    c.conmon.write('error\n', 2);
    c.conmon.write('line\nrest');
    await c.log.detach({ discard: false });
    expect(await read(c.log, { stderr: false })).toBe('one line\nrest');
    expect(await read(c.log, { stderr: false, tail: 1 })).toBe('rest');

    expect(await read(c.log, { stderr: false, tail: 2 })).toBe('one line\nrest');
  });

  test('counts a line without an end before one of the other stream', async () => {
    await using c = new Logging(driver);
    c.conmon.write('first\nprompt');
    c.conmon.write('error\n', 2);
    await c.log.detach({ discard: false });
    // json-file writes whole lines: one without an end comes when it is known that there is none.
    const [earlier, later] = driver === 'local' ? ['prompt', 'error\n'] : ['error\n', 'prompt'];
    expect(await read(c.log, { tail: 1 })).toBe(later!);
    expect(await read(c.log, { tail: 2 })).toBe(`${earlier}${later}`);
    expect(await read(c.log, { tail: 3 })).toBe(`first\n${earlier}${later}`);
  });

  test('keeps lines of any length', async () => {
    await using c = new Logging(driver);
    const text = `${'äöü€'.repeat(20_000)}\n${'x'.repeat(16_384)}\n\nend\n`;
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 8192) c.conmon.write(bytes.subarray(at, at + 8192));
    expect(await read(c.log)).toBe(text);
    expect(await read(c.log, { tail: 3 })).toBe(text.slice(text.indexOf('x')));
  });

  test('keeps control characters, quotes and everything else a terminal prints', async () => {
    await using c = new Logging(driver);
    const text = `\x1b[1mbold\x1b[0m\t"quoted" \\back\\ <b>&amp;</b> \u2028 \u{1f600}\r\n\\n\n\\\\n\n`;
    c.conmon.write(text);
    expect(await read(c.log)).toBe(text);
  });

  test('prints times in UTC with nine digits, once per line', async () => {
    await using c = new Logging(driver);
    c.conmon.write('a\nb');
    c.conmon.write('c\n');
    const first = '2026-01-02T03:04:05.000001000Z a\n';
    const [line1, line2] = (await read(c.log, { timestamps: true })).split(/(?<=\n)/);
    expect(line1).toBe(first);
    expect(line2).toMatch(/^2026-01-02T03:04:05\.00000[12]000Z bc\n$/);
  });

  test('prints chosen labels, variables and the tag as details', async () => {
    await using c = new Logging(driver, { labels: 'tier,none', 'env-regex': '^MO', tag: '{{.Name}}/{{.ID}}' });
    c.conmon.write('x\n');
    expect(await read(c.log, { details: true })).toBe('MODE=test,tag=web%2Fc0ffee,tier=front+end x\n');
  });

  test('takes the last lines and a span of time', async () => {
    await using c = new Logging(driver);
    const lines = numbered(0, 5000);
    for (const line of lines) c.conmon.write(line);
    expect(await read(c.log, { tail: 3 })).toBe(lines.slice(-3).join(''));
    expect(await read(c.log, { tail: 0 })).toBe('');
    expect(await read(c.log, { tail: 2000 })).toBe(lines.slice(-2000).join(''));
    expect(await read(c.log, { tail: 9000 })).toBe(lines.join(''));
    const microsecond = (index: number) => (BigInt(Date.UTC(2026, 0, 2, 3, 4, 5)) * 1000n + BigInt(index + 1)) * 1000n;
    expect(await read(c.log, { since: microsecond(4321) })).toBe(lines.slice(4321).join(''));
    expect(await read(c.log, { until: microsecond(12) })).toBe(lines.slice(0, 13).join(''));
    expect(await read(c.log, { since: microsecond(100), until: microsecond(102) })).toBe(
      lines.slice(100, 103).join(''),
    );
    expect(await read(c.log, { since: nanoseconds(Date.now()) })).toBe('');
  });

  test('follows without losing, doubling or reordering while files rotate and the reader is slow', async () => {
    await using c = new Logging(driver, rotating);
    const lines = numbered(0, 6000);
    const following = (async () => {
      const parts: Uint8Array[] = [];
      for await (const batch of c.log.read(query({ follow: true }))) {
        parts.push(...batch.map(chunk => chunk.data));
        await Bun.sleep(3);
      }
      return Buffer.concat(parts).toString();
    })();
    for (const [index, line] of lines.entries()) {
      c.conmon.write(line);
      if (index % 100 === 0) await Bun.sleep(2);
    }
    await c.log.detach({ discard: false });
    expect(await following).toBe(lines.join(''));
    const kept = await read(c.log);
    expect(lines.join('').endsWith(kept)).toBe(true);
    expect(await read(c.log, { tail: 50 })).toBe(lines.slice(-50).join(''));
    expect(readdirSync(directory).filter(name => /log\.\d+/.test(name)).length).toBeLessThanOrEqual(
      driver === 'local' ? 4 : 3,
    );
  });

  test('reads the last lines from compressed files too', async () => {
    await using c = new Logging(driver, { ...rotating, 'max-file': '100' });
    const lines = numbered(0, 3000);
    for (const [index, line] of lines.entries()) {
      c.conmon.write(line);
      if (index % 100 === 0) await Bun.sleep(2);
    }
    await c.restartDaemon();
    expect(readdirSync(directory).join()).toMatch(driver === 'local' ? /log\.1\.zst/ : /log\.\d+\.gz/);
    for (const tail of [1, 2900, 2000, 1234]) expect(await read(c.log, { tail })).toBe(lines.slice(-tail).join(''));
    expect(await read(c.log)).toBe(lines.join(''));
  });

  test('goes on where it was when the daemon starts again', async () => {
    await using c = new Logging(driver, { 'max-size': '30k', 'max-file': '100', compress: 'false' });
    const lines = numbered(0, 3000);
    for (const [index, line] of lines.entries()) {
      c.conmon.write(line);
      if (index % 500 === 250) await c.restartDaemon();
      if (index % 500 === 400) await Bun.sleep(1);
    }
    await c.log.detach({ discard: false });
    expect(await read(c.log)).toBe(lines.join(''));
  });

  test('a new run of the container goes on in the same log', async () => {
    await using c = new Logging(driver);
    c.conmon.write('first\nunfinished');
    await c.log.detach({ discard: false });
    await c.log.prepare();
    using again = new FakeConmon(c.conmon.path);
    c.log.attach();
    again.write('second\n');
    expect(await read(c.log)).toBe('first\nunfinishedsecond\n');
    await c.log.detach({ discard: false });
  });

  test('a follower ends with the container, at a time that has come, and when it is aborted', async () => {
    await using c = new Logging(driver);
    c.conmon.write('x\n');
    expect(await read(c.log, { follow: true, until: nanoseconds(Date.now() + 30) })).toBe('x\n');
    const abort = new AbortController();
    const aborted = read(c.log, { follow: true, signal: abort.signal });
    await Bun.sleep(5);
    abort.abort();
    expect(await aborted).toBe('x\n');
    const ended = read(c.log, { follow: true });
    c.conmon.write('y\n');
    await c.log.detach({ discard: false });
    expect(await ended).toBe('x\ny\n');
    expect(await read(c.log, { follow: true })).toBe('x\ny\n');
  });

  test('a reader that is left early lets go of everything', async () => {
    await using c = new Logging(driver);
    c.conmon.write('x\n'.repeat(1000));
    await read(c.log);
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 3; round++) {
      for await (const _ of c.log.read(query({ follow: true }))) break;
    }
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});

describe('json-file and what was not converted when the container ended', () => {
  const text = numbered(0, 50_000).join('');
  const converted = () => readFileSync(join(directory, 'c0ffee-json.log'), 'utf8');

  test('there is a file before there is a line', async () => {
    await using c = new Logging('json-file');
    await Bun.sleep(1);
    expect(converted()).toBe('');
    expect(await read(c.log)).toBe('');
  });

  test('is not converted any more when the log is about to be deleted, and not lost if it isn’t', async () => {
    await using c = new Logging('json-file');
    await Bun.sleep(1);
    c.conmon.write(text);
    await c.log.detach({ discard: true });
    expect(converted()).toBe('');
    await c.log.detach({ discard: false });
    expect(await read(c.log)).toBe(text);
  });

  test('is converted all the same for those who read', async () => {
    await using c = new Logging('json-file');
    const following = read(c.log, { follow: true });
    await Bun.sleep(1);
    c.conmon.write(text);
    await c.log.detach({ discard: true });
    await c.log.close();
    expect(await following).toBe(text);
  });

  test('is converted by the next daemon', async () => {
    await using c = new Logging('json-file');
    await Bun.sleep(1);
    c.conmon.write(`${text}rest`);
    await c.log.close();
    const next = logDriver('json-file').open(context({}, c.conmon.reopen));
    await next.detach({ discard: false });
    await next.prepare();
    expect(converted()).toEndWith(`"stream":"stdout","time":"2026-01-02T03:04:05.000001Z"}\n`);
    expect(readdirSync(directory)).not.toContain('conmon.log');
    expect(await read(next)).toBe(`${text}rest`);
    await next.close();
  });

  test('is in the file before another run of the container begins', async () => {
    await using c = new Logging('json-file');
    await Bun.sleep(1);
    c.conmon.write(text);
    await c.log.detach({ discard: false });
    await c.log.prepare();
    using again = new FakeConmon(c.conmon.path);
    c.log.attach();
    again.write('again\n');
    expect(await read(c.log)).toBe(`${text}again\n`);
  });

  test('an ended container’s log holds no file open', async () => {
    await using c = new Logging('json-file');
    c.conmon.write(text);
    await c.log.detach({ discard: false });
    await c.log.prepare();
    const open = readdirSync('/proc/self/fd').flatMap(fd => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)];
      } catch {
        return [];
      }
    });
    expect(
      open.filter(path => path.startsWith(directory) && path !== c.conmon.path && !path.endsWith('(deleted)')),
    ).toEqual([]);
  });
});

test('json-file cuts away what it has converted, across restarts of the daemon', async () => {
  await using c = new Logging('json-file');
  const expected = new Bun.CryptoHasher('sha1');
  const block = 'x'.repeat(999);
  let reopened = 0;
  const { reopen } = c.conmon;
  Object.assign(c.conmon, {
    reopen: async () => {
      reopened++;
      await reopen();
    },
  });
  await c.restartDaemon();
  for (let index = 0; index < 60_000; index++) {
    const line = `${index} ${block}\n`;
    expected.update(line);
    c.conmon.write(line);
    if (index % 1000 === 0) await Bun.sleep(1);
    if (index % 9_500 === 9_000) await c.restartDaemon();
  }
  await read(c.log, { tail: 0 });
  expect(reopened).toBeGreaterThan(0);
  for (let tries = 0; tries < 500 && existsSync(`${c.conmon.path}.old`); tries++) await Bun.sleep(10);
  expect(readdirSync(directory)).not.toContain('conmon.log.old');
  expect(statSync(c.conmon.path).size).toBeLessThan(60_000_000 / 2);
  const found = new Bun.CryptoHasher('sha1');
  for await (const batch of c.log.read(query())) for (const { data } of batch) found.update(data);
  expect(found.digest('hex')).toBe(expected.digest('hex'));
}, 30_000);

describe('choosing a driver', () => {
  test.each([
    ['nosuch', {}, "logger: no log driver named 'nosuch' is registered"],
    ['syslog', {}, "log driver 'syslog' is not built yet"],
    ['local', { color: 'red' }, "unknown log opt 'color' for log driver local"],
    ['json-file', { color: 'red' }, "unknown log opt 'color' for json-file log driver"],
    ['json-file', { 'max-size': '0' }, 'max-size must be a positive number'],
    ['json-file', { 'max-file': '0' }, 'max-file cannot be less than 1'],
    ['json-file', { compress: 'true' }, 'compress cannot be true when max-file is less than 2 or max-size is not set'],
    ['json-file', { 'max-size': 'much' }, "invalid size: 'much'"],
    ['json-file', { mode: 'sometimes' }, 'logger: logging mode not supported: sometimes'],
    [
      'json-file',
      { 'max-buffer-size': '1m' },
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
    ],
    ['json-file', { tag: '{{.Nope}}' }, '{{.Nope}} is not understood'],
    ['json-file', { 'labels-regex': '(' }, 'invalid labels-regex'],
    ['local', { 'max-file': '1' }, 'compression cannot be enabled when max file count is 1'],
  ])('%s with %p is refused', (name, options, message) => {
    expect(() => validateLogOptions(name, options as Record<string, string>)).toThrow(message);
  });

  test('none writes nothing and can not be read', () => {
    validateLogOptions('none', { anything: 'goes' });
    const log = logDriver('none').open(context({}, async () => {}));
    expect(log.conmonTarget).toBe('none');
    expect(() => log.read(query())).toThrow('configured logging driver does not support reading');
  });
});
