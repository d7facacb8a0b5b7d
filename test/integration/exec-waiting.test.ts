// An exec that is created has a conmon that waits for its start. Whatever comes instead of the start, nothing of it is left,
// and the command that nobody started never runs.
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

function conmonsOf(exec: string): string[] {
  return readdirSync('/proc').filter(pid => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`--cuuid\0${exec}\0`);
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
}
