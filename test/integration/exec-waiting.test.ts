// An exec that is created has a conmon that waits for its start, and so may one that is yet to be created. Whatever comes
// instead of the start, nothing of it is left, and the command that nobody started never runs.
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const run = (name: string) => engine.output('run', '-d', '--name', name, 'busybox', 'sleep', '100000');

async function createExec(container: string, ...Cmd: string[]): Promise<string> {
  const request = { AttachStdout: true, AttachStderr: true, Cmd };
  return (await engine.api.post(`/containers/${container}/exec`, request)).ok.json<{ Id: string }>().Id;
}

const conmonsOf = (exec: string) => processesWith(`--cuuid\0${exec}\0`);

function processesWith(argument: string): string[] {
  return readdirSync('/proc').filter(pid => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(argument);
    } catch {
      // It has just ended.
      return false;
    }
  });
}

const directoryOf = (container: string, exec: string) => `${engine.execRoot}/containers/${container}/execs/${exec}`;

async function exitCodeOf(exec: string): Promise<number | null> {
  (await engine.api.post(`/exec/${exec}/start`, { Detach: false })).ok;
  return (await engine.api.get(`/exec/${exec}/json`)).ok.json<{ ExitCode: number | null }>().ExitCode;
}

/** The ids of execs for which a conmon waits that nobody has created. */
function expectedExecs(container: string, known: readonly string[]): string[] {
  const directory = `${engine.execRoot}/containers/${container}/execs`;
  return readdirSync(directory).filter(name => !known.includes(name) && conmonsOf(name).length === 1);
}

/** Runs one exec after the other, until the next one is expected. */
async function runExecs(container: string): Promise<{ expected: string; ran: number }> {
  const known: string[] = [];
  const expected = await until(async () => {
    known.push(await createExec(container, 'sh', '-c', 'exit 3'));
    expect(await exitCodeOf(known.at(-1)!)).toBe(3);
    await Bun.sleep(50);
    return expectedExecs(container, known)[0];
  });
  return { expected, ran: known.length };
}

test('where one exec follows the other the next one is expected; it can be of another kind', async () => {
  const id = await run('repeated');
  const { expected, ran } = await runExecs(id);
  expect(ran).toBeGreaterThan(1);
  const request = { AttachStdout: true, Tty: true, Cmd: ['sh', '-c', 'test -t 0 && exit 4'] };
  const exec = (await engine.api.post(`/containers/${id}/exec`, request)).ok.json<{ Id: string }>().Id;
  expect(exec).not.toBe(expected);
  await until(() => conmonsOf(expected).length === 0 && !existsSync(directoryOf(id, expected)));
  (await engine.api.post(`/exec/${exec}/start`, { Detach: false, Tty: true })).ok;
  expect((await engine.api.get(`/exec/${exec}/json`)).ok.json<{ ExitCode: number }>().ExitCode).toBe(4);
  await runExecs(id);
  const later = await createExec(id, 'sh', '-c', 'exit 5');
  expect(await exitCodeOf(later)).toBe(5);
});

test('an exec that nobody creates is not expected for ever, nor in a container that has ended', async () => {
  const id = await run('expecting');
  const { expected } = await runExecs(id);
  await until(() => conmonsOf(expected).length === 0 && !existsSync(directoryOf(id, expected)));
  const { expected: another } = await runExecs(id);
  (await engine.api.post(`/containers/${id}/kill`)).ok;
  await until(() => conmonsOf(another).length === 0 && !existsSync(directoryOf(id, another)));
});

test('a conmon that was killed while it waited is replaced', async () => {
  const id = await run('replaced');
  const { expected } = await runExecs(id);
  const killConmonOf = async (exec: string) => {
    const pid = await until(() => conmonsOf(exec)[0]);
    process.kill(Number(pid), 'SIGKILL');
    // The engine has heard of its end.
    await until(() => !existsSync(`/proc/${pid}`));
  };
  await killConmonOf(expected);
  const first = await createExec(id, 'sh', '-c', 'exit 5');
  await killConmonOf(first);
  expect(await exitCodeOf(first)).toBe(5);
});

test('who asks for the end of an exec is answered when it has come', async () => {
  const id = await run('ending');
  const exec = await createExec(id, 'sh', '-c', 'until [ -e /end ]; do sleep 0.01; done; exit 7');
  (await engine.api.post(`/exec/${exec}/start`, { Detach: true })).ok;
  const asked = engine.api.get(`/exec/${exec}/json`, { headers: { 'Dockyard-Wait': 'exit' } });
  const now = (await engine.api.get(`/exec/${exec}/json`)).ok;
  expect([now.json<{ Running: boolean }>().Running, now.headers.has('dockyard-waited')]).toEqual([true, false]);
  await engine.output('exec', id, 'touch', '/end');
  const end = (await asked).ok;
  expect(end.json<{ ExitCode: number }>().ExitCode).toBe(7);
  expect(end.headers.get('dockyard-waited')).toBe('exit');
});

test('an exec that is not started is waited for a while, and can be started after that', async () => {
  const id = await run('patient');
  const exec = await createExec('patient', 'sh', '-c', 'exit 7');
  await until(() => conmonsOf(exec).length === 1);
  await until(() => conmonsOf(exec).length === 0 && !existsSync(directoryOf(id, exec)));
  expect(await exitCodeOf(exec)).toBe(7);
});

test('of many execs that are not started one is waited for; all can be started, in any order', async () => {
  await run('popular');
  const execs: string[] = [];
  for (let code = 0; code < 5; code++) execs.push(await createExec('popular', 'sh', '-c', `exit ${code}`));
  await until(() => execs.flatMap(conmonsOf).length === 1);
  const codes = await Promise.all(execs.toReversed().map(exitCodeOf));
  expect(codes).toEqual([4, 3, 2, 1, 0]);
});

test('a terminal gets the size that was asked for while its process was being made', async () => {
  await run('sized');
  const script = 'until [ "$(stty size)" = "40 120" ]; do sleep 0.01; done';
  const request = { AttachStdout: true, Tty: true, Cmd: ['sh', '-c', script] };
  const exec = (await engine.api.post('/containers/sized/exec', request)).ok.json<{ Id: string }>().Id;
  const running = engine.api.post(`/exec/${exec}/start`, { Detach: false, Tty: true });
  await until(async () => (await engine.api.get(`/exec/${exec}/json`)).ok.json<{ Running: boolean }>().Running);
  (await engine.api.post(`/exec/${exec}/resize?h=40&w=120`)).ok;
  (await running).ok;
  expect((await engine.api.get(`/exec/${exec}/json`)).ok.json<{ ExitCode: number }>().ExitCode).toBe(0);
});

test('the end of the container ends the waiting', async () => {
  const id = await run('brief');
  const exec = await createExec('brief', 'true');
  (await engine.api.post('/containers/brief/kill')).ok;
  await until(() => conmonsOf(exec).length === 0 && !existsSync(directoryOf(id, exec)));
  expect((await engine.api.post(`/exec/${exec}/start`, {})).status).toBe(404);
});

for (const [how, end] of [
  ['a crash', () => engine.kill()],
  ['an orderly end', () => engine.stop()],
] as const) {
  test(`after ${how} of the daemon the command has not run, and the exec is gone`, async () => {
    const id = await run(`left-by-${how.replaceAll(' ', '-')}`);
    const exec = await createExec(id, 'touch', '/tmp/ran');
    // A process that was just made shows its command line a moment later.
    await until(() => conmonsOf(exec).length === 1);
    await end();
    await until(() => conmonsOf(exec).length === 0);
    await engine.start();
    await until(() => !existsSync(directoryOf(id, exec)));
    expect((await engine.docker('exec', id, 'ls', '/tmp/ran')).code).not.toBe(0);
    expect((await engine.api.get(`/exec/${exec}/json`)).status).toBe(404);
  });

  test(`after ${how} of the daemon nothing is left of an exec that was expected`, async () => {
    const id = await run(`expected-before-${how.replaceAll(' ', '-')}`);
    const { expected } = await runExecs(id);
    await end();
    await until(() => conmonsOf(expected).length === 0);
    await engine.start();
    await until(() => !existsSync(directoryOf(id, expected)));
    expect((await engine.docker('exec', id, 'true')).code).toBe(0);
  });
}
