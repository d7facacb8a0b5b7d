// One container asked for many things at once, and ends that come in unusual ways: whatever the order, it ends whole.
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { findLeftovers, signal } from '../support/leftovers.ts';
import { until } from '../support/until.ts';

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

async function create(name: string, body: object = {}): Promise<string> {
  const request = { Image: 'busybox', Cmd: ['sleep', '100000'], ...body };
  const answer = (await engine.api.post(`/containers/create?name=${name}`, request)).ok;
  return answer.json<{ Id: string }>().Id;
}

const post = (path: string, body?: unknown) => engine.api.post(`/containers/${path}`, body);
const statusOf = async (name: string) => (await engine.inspect(name)).State?.Status;

test('a forced removal during a start removes what the start made', async () => {
  for (let round = 0; round < 5; round++) {
    await create('brief');
    const [, removed] = await Promise.all([post('brief/start'), engine.api.delete('/containers/brief?force=1')]);
    expect(removed.status).toBe(204);
    expect((await engine.api.get('/containers/brief/json')).status).toBe(404);
  }
});

test('a stop and a kill during a start end what the start made', async () => {
  for (const ending of ['stop?t=0', 'kill', 'restart?t=0']) {
    await create('eager');
    const [started, ended] = await Promise.all([post('eager/start'), post(`eager/${ending}`)]);
    expect([started.status, ended.status]).toEqual([204, 204]);
    expect(await statusOf('eager')).toBe(ending.startsWith('restart') ? 'running' : 'exited');
    (await engine.api.delete('/containers/eager?force=1')).ok;
  }
});

test('everything at once leaves a container that still does as it is told', async () => {
  const id = await create('torn', { HostConfig: { RestartPolicy: { Name: 'always' } } });
  const verbs = [
    'start',
    'stop?t=0',
    'kill',
    'restart?t=0',
    'pause',
    'unpause',
    'rename?name=torn2',
    'wait?condition=next-exit',
  ];
  const waits: Promise<unknown>[] = [];
  for (let round = 0; round < 4; round++) {
    const answers = verbs.map(async verb => {
      const answer = await post(`${id}/${verb}`);
      expect(answer.status, `${verb}: ${answer.text}`).toBeLessThan(500);
    });
    waits.push(answers.pop()!);
    await Promise.all(answers);
  }
  await post(`${id}/unpause`);
  await post(`${id}/start`);
  expect(await statusOf(id)).toBe('running');
  expect((await engine.docker('exec', id, 'echo', 'well')).stdout).toBe('well\n');
  expect((await engine.api.delete(`/containers/${id}?force=1`)).status).toBe(204);
  await Promise.all(waits);
});

test('a removal by ten at once answers each of them', async () => {
  await create('wanted');
  await post('wanted/start');
  const answers = await Promise.all(Array.from({ length: 10 }, () => engine.api.delete('/containers/wanted?force=1')));
  expect(answers.map(({ status }) => status).filter(status => ![204, 404, 409].includes(status))).toEqual([]);
  expect((await engine.api.get('/containers/wanted/json')).status).toBe(404);
});

test('a paused container is stopped and killed like any other', async () => {
  for (const ending of ['stop?t=0', 'kill', 'restart?t=0']) {
    const id = await create('frozen');
    await post('frozen/start');
    await post('frozen/pause');
    expect((await post(`frozen/${ending}`)).status).toBe(204);
    expect(await statusOf(id)).toBe(ending.startsWith('restart') ? 'running' : 'exited');
    expect((await engine.api.delete('/containers/frozen?force=1')).status).toBe(204);
  }
});

test('any signal may be meant to end a container that names none: its restart policy keeps out of it', async () => {
  await create('told', {
    Cmd: ['sh', '-c', 'trap "exit 7" HUP; while :; do sleep 0.05; done'],
    HostConfig: { RestartPolicy: { Name: 'always' } },
  });
  await post('told/start');
  const ended = post('told/wait?condition=not-running');
  await until(async () => {
    await post('told/kill?signal=HUP');
    return (await statusOf('told')) === 'exited';
  });
  expect((await ended).json<{ StatusCode: number }>().StatusCode).toBe(7);
});

test('an end by the kernel is an end: of init, and of conmon', async () => {
  const id = await create('victim');
  await post('victim/start');
  const first = post('victim/wait');
  process.kill((await engine.inspect('victim')).State!.Pid!, 'SIGKILL');
  expect((await first).json<{ StatusCode: number }>().StatusCode).toBe(137);

  await post('victim/start');
  const second = post('victim/wait');
  const conmon = Number(await Bun.file(`${engine.execRoot}/containers/${id}/conmon.pid`).text());
  process.kill(conmon, 'SIGKILL');
  expect((await second).json<{ StatusCode: number }>().StatusCode).toBe(137);
  expect((await engine.inspect('victim')).State).toMatchObject({ Status: 'exited', ExitCode: 137, Pid: 0 });
});

test('a forced removal finds a container that has just been killed by somebody else', async () => {
  for (let round = 0; round < 5; round++) {
    await create('doomed');
    await post('doomed/start');
    process.kill((await engine.inspect('doomed')).State!.Pid!, 'SIGKILL');
    expect((await engine.api.delete('/containers/doomed?force=1')).status).toBe(204);
  }
});

function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

test('a conmon that ended while there was no daemon is missed by the next one', async () => {
  const id = await create('unwatched');
  await post('unwatched/start');
  const { Pid } = (await engine.inspect('unwatched')).State!;
  const conmon = Number(await Bun.file(`${engine.execRoot}/containers/${id}/conmon.pid`).text());
  await engine.kill();
  process.kill(conmon, 'SIGKILL');
  await engine.start();
  await until(async () => (await statusOf('unwatched')) === 'exited');
  expect((await engine.inspect('unwatched')).State).toMatchObject({
    ExitCode: 137,
    Error: 'conmon, which watched the container, was killed',
  });
  // Gone, or waiting for whoever reaps here.
  await until(() => !/^State:\s*[^ZX]/m.test(readStatus(Pid!)));
});

test('a hundred processes at once in one container all answer', async () => {
  await create('busy');
  await post('busy/start');
  const codes = await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const request = { Cmd: ['sh', '-c', `exit ${index}`], AttachStdout: true };
      const { Id } = (await post('busy/exec', request)).ok.json<{ Id: string }>();
      (await engine.api.post(`/exec/${Id}/start`, { Detach: false })).ok;
      return (await engine.api.get(`/exec/${Id}/json`)).json<{ ExitCode: number }>().ExitCode;
    }),
  );
  expect(codes).toEqual(Array.from({ length: 100 }, (_, index) => index));
});

test('followers of the log, of statistics and of events of a container that is removed get an end', async () => {
  const id = await create('watched');
  await post('watched/start');
  const followers = [
    engine.api.get(`/containers/${id}/logs?follow=1&stdout=1`),
    engine.api.get(`/containers/${id}/stats`),
    post(`${id}/wait?condition=removed`),
    post(`${id}/attach?stream=1&stdout=1`),
  ];
  await until(async () => (await engine.api.get(`/containers/${id}/top`)).status === 200);
  expect((await engine.api.delete(`/containers/${id}?force=1`)).status).toBe(204);
  for (const follower of await Promise.all(followers)) expect(follower.status).toBeLessThan(300);
});

test('after the machine restarted everything is there: ended with 255, or running by its policy', async () => {
  await create('plain');
  await create('always', { HostConfig: { RestartPolicy: { Name: 'always' } } });
  await create('leaning', {
    HostConfig: { NetworkMode: 'container:always', RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 1 } },
  });
  await create('temporary', { HostConfig: { AutoRemove: true } });
  for (const name of ['plain', 'always', 'leaning', 'temporary']) (await post(`${name}/start`)).ok;
  const names = ['plain', 'always', 'leaning', 'temporary'];
  const inits = await Promise.all(names.map(async name => (await engine.inspect(name)).State!.Pid!));
  await engine.kill();
  // What a restart of the machine takes: every process, every mount, and what was in /run.
  for (const { pid } of findLeftovers(engine.roots).processes) signal(pid, 'SIGKILL');
  for (const pid of inits) signal(pid, 'SIGKILL');
  await until(() => findLeftovers(engine.roots).processes.length === 0);
  for (const mount of findLeftovers(engine.roots).mounts.toReversed()) Bun.spawnSync(['umount', '-l', mount]);
  rmSync(engine.execRoot, { recursive: true, force: true });
  await engine.start();

  expect((await engine.inspect('plain')).State).toMatchObject({ Status: 'exited', ExitCode: 255 });
  await until(async () => (await statusOf('always')) === 'running' && (await statusOf('leaning')) === 'running');
  expect((await engine.api.get('/containers/temporary/json')).status).toBe(404);
  expect((await post('plain/start')).status).toBe(204);
  expect((await engine.docker('exec', 'plain', 'echo', 'again')).stdout).toBe('again\n');
});

test('nothing was left behind, and nothing went wrong unheard', async () => {
  const all = (await engine.api.get('/containers/json?all=1')).json<{ Id: string }[]>();
  await Promise.all(all.map(({ Id }) => engine.api.delete(`/containers/${Id}?force=1&v=1`)));
  expect(readdirSync(`${engine.dataRoot}/containers`)).toEqual([]);
  expect(readdirSync(`${engine.execRoot}/containers`)).toEqual([]);
  expect(engine.log).not.toMatch(/unhandled|TypeError|could not settle|left something behind/);
});
