// A daemon that has no file descriptors left misses nothing for good: what happened meanwhile is known when there are some again.
import { expect, test } from 'bun:test';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { limitOpenFiles } from '../../src/kernel/process.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { fetchFrom, NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';

/** Of this process, and so of the daemon's. */
const [soft, hard] = readFileSync('/proc/self/limits', 'utf8')
  .match(/^Max open files\s+(\d+)\s+(\d+)/m)!
  .slice(1)
  .map(Number) as [number, number];

/** With none, nothing more can be opened; what is open stays. */
const allowDescriptors = (engine: TestEngine, amount: 'none' | 'plenty') =>
  limitOpenFiles(engine.pid, { soft: amount === 'none' ? 3 : soft, hard });

const status = async (engine: TestEngine, name: string) => (await engine.inspect(name)).State?.Status;

/** The process that watches a container: the parent of its init. */
async function conmonOf(engine: TestEngine, name: string): Promise<number> {
  const { Pid: pid } = (await engine.inspect(name)).State!;
  return Number((await Bun.file(`/proc/${pid}/stat`).text()).split(') ')[1]!.split(' ')[1]);
}

test('of a container’s end, of its conmon’s, of an exec’s after a restart', async () => {
  await using engine = await startEngine();
  for (const name of ['ended', 'unwatched', 'again', 'busy']) {
    const restart = name === 'again' ? ['--restart', 'always'] : [];
    await engine.output('run', '-d', '--name', name, '--network=none', ...restart, 'busybox', 'sleep', '1000');
  }
  const count = 'i=0; while :; do echo $((i = i + 1)); sleep 0.01; done';
  await engine.output('run', '-d', '--name', 'talker', '--network=none', 'busybox', 'sh', '-c', count);
  // Says a word for each file that appears in its root.
  const answer = 'for word in one two three; do until [ -e /$word ]; do sleep 0.05; done; echo $word; done; sleep 1000';
  await engine.output('run', '-d', '--name', 'quiet', '--network=none', 'busybox', 'sh', '-c', answer);
  const quiet = await engine.inspect('quiet');
  const written = async (word: string) => {
    writeFileSync(`/proc/${quiet.State!.Pid}/root/${word}`, '');
    await until(async () => (await Bun.file(quiet.LogPath!).text()).includes(word));
  };
  await written('one');
  const pids = Object.fromEntries(
    await Promise.all(['ended', 'again'].map(async name => [name, (await engine.inspect(name)).State!.Pid!] as const)),
  );
  const conmon = await conmonOf(engine, 'unwatched');
  const exec = (await engine.api.post('/containers/busy/exec', { Cmd: ['sleep', '1000'] })).ok.json<{ Id: string }>();
  (await engine.api.post(`/exec/${exec.Id}/start`, { Detach: true })).ok;
  await engine.kill();
  await engine.start();
  const execPid = (await engine.api.get(`/exec/${exec.Id}/json`)).ok.json<{ Pid: number }>().Pid;

  allowDescriptors(engine, 'none');
  process.kill(pids['ended']!, 'SIGKILL');
  process.kill(pids['again']!, 'SIGKILL');
  process.kill(conmon, 'SIGKILL');
  process.kill(execPid, 'SIGKILL');
  await until(() => readdirSync(`${engine.execRoot}/exits`).length >= 2);
  await written('two');
  // Long enough for it to be told, and to fail.
  await until(() => engine.log.includes('EMFILE'));
  allowDescriptors(engine, 'plenty');

  await until(async () => (await status(engine, 'ended')) === 'exited');
  await until(async () => (await status(engine, 'unwatched')) === 'exited');
  await until(async () => ((await engine.inspect('again')).RestartCount ?? 0) > 0);
  await until(
    async () => (await engine.api.get(`/exec/${exec.Id}/json`)).ok.json<{ Running: boolean }>().Running === false,
  );
  expect((await engine.inspect('ended')).State).toMatchObject({ ExitCode: 137, Pid: 0 });
  await written('three');
  const lines = async () => (await engine.output('logs', 'talker')).split('\n').map(Number);
  const before = (await lines()).length;
  await until(async () => (await lines()).length > before);
  const said = await lines();
  expect(said).toEqual(said.map((_, index) => index + 1));
  expect(await engine.output('run', '--rm', '--network=none', 'busybox', 'echo', 'on')).toBe('on');
});

test('of a port’s helper that ended', async () => {
  await using lan = await NetworkHost.start();
  await lan.web('web', '-p', '8080:80');
  const served = () => fetchFrom(lan.host, 'http://[::1]:8080/');
  expect(await served()).toBe('web');
  const helpers = await lan.host.output('pgrep', '-P', String(lan.engine.pid), '-f', 'port-proxy');
  allowDescriptors(lan.engine, 'none');
  for (const helper of helpers.split('\n')) process.kill(Number(helper), 'SIGKILL');
  await until(() => lan.engine.log.includes('could not watch a published port'));
  allowDescriptors(lan.engine, 'plenty');
  await until(async () => (await served()) === 'web');
});

test('a start that runs out of them half-way says so, and leaves nothing', async () => {
  await using lan = await NetworkHost.start();
  await lan.docker('network', 'create', '--ipv6', 'net');
  const container = ['--network', 'net', '-p', '8080:80', 'busybox'];
  await lan.docker('run', '--rm', ...container, 'true');
  const codes: number[] = [];
  for (let left = 2; codes.at(-1) !== 0; left++) {
    limitOpenFiles(lan.engine.pid, { soft: (await restingDescriptors(lan.engine)) + left, hard });
    const ran = await lan.refused('run', '-d', '--name', 'scarce', ...container, 'sleep', '600');
    allowDescriptors(lan.engine, 'plenty');
    if (ran.code !== 0) expect(ran).toMatchObject({ code: 125, stderr: expect.stringContaining('EMFILE') });
    codes.push(ran.code);
    await lan.remove('scarce');
  }
  expect(codes).toContain(125);
  await until(() => !lan.interfaces().some(name => name.startsWith('veth')));
  expect(lan.engine.log).not.toContain('nobody caught');
  await lan.docker('run', '--rm', ...container, 'true');
});

/** How many are open when nothing goes on. */
async function restingDescriptors(engine: TestEngine): Promise<number> {
  const counts: number[] = [];
  await until(() => {
    counts.unshift(readdirSync(`/proc/${engine.pid}/fd`).length);
    return counts.length >= 10 && new Set(counts.slice(0, 10)).size === 1;
  });
  return counts[0]!;
}
