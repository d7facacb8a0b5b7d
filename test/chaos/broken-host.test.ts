// Hosts that lack what containers need: a clear error, no half-made container, and all is well when it is there again.
import { expect, test } from 'bun:test';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { findLeftovers } from '../support/leftovers.ts';
import { output } from '../support/process.ts';
import { until } from '../support/until.ts';
import { expectWholeDatabases } from './orphans.ts';

/** Where the engine is told to find each program. */
const flagsFor: Record<string, (path: string) => string[]> = {
  crun: path => ['--add-runtime', `borrowed=${path}`, '--default-runtime', 'borrowed'],
  conmon: path => ['--conmon-path', path],
};

/** The helper that unpacked the image waits a moment for another layer. */
const onlyTheDaemonRuns = (engine: TestEngine) =>
  until(() => findLeftovers(engine.roots).processes.every(({ pid }) => pid === engine.pid));

for (const [missing, flags] of Object.entries(flagsFor)) {
  test(`without ${missing} a start fails with its name, and leaves nothing in the kernel`, async () => {
    await using engine = await startEngine({ flags: ({ base }) => flags(`${base}/${missing}`) });
    const ran = await engine.docker('run', '--network', 'none', '--name', 'unlucky', 'busybox', 'true');
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 125, stderr: expect.stringContaining(missing) });
    const { mounts, cgroups } = findLeftovers(engine.roots);
    expect({ cgroups, mounts: mounts.filter(path => /[0-9a-f]{64}/.test(path)) }).toEqual({ cgroups: [], mounts: [] });
    await onlyTheDaemonRuns(engine);
    expect(await engine.output('ps', '-a', '--format', '{{.Names}} {{.State}}')).toBe('unlucky created');

    symlinkSync(Bun.which(missing)!, `${engine.roots.base}/${missing}`);
    expect(await engine.docker('start', '-a', 'unlucky')).toMatchObject({ code: 0, stderr: '' });
  });
}

test('a runtime that dies with its work half done leaves nothing in the kernel', async () => {
  const runtime = `
#!/bin/sh
case "$*" in *' create '*) ;; *) exec crun "$@" ;; esac
while [ "$1" != --bundle ]; do shift; done
cgroup=$(sed -n 's/.*"cgroupsPath":"\\([^"]*\\)".*/\\1/p' "$2/config.json")
for tree in /sys/fs/cgroup/pids /sys/fs/cgroup/memory /sys/fs/cgroup; do
  [ -e $tree/cgroup.procs ] && mkdir -p $tree/$cgroup
done
sleep 1000 < /dev/null > /dev/null 2>&1 3>&- 4>&- 5>&- & echo $! > "$(ls -d /sys/fs/cgroup/pids/$cgroup /sys/fs/cgroup/$cgroup 2>/dev/null | head -1)/cgroup.procs"
kill -9 $$
`;
  await using engine = await startEngine({
    flags: ({ base }) => ['--add-runtime', `frail=${base}/frail`],
    prepare: ({ base }) => writeFileSync(`${base}/frail`, runtime.trimStart(), { mode: 0o755 }),
  });
  const ran = await engine.docker('run', '--runtime', 'frail', '--network', 'none', 'busybox', 'true');
  expect(ran.code).toBe(125);
  expect(findLeftovers(engine.roots).cgroups).toEqual([]);
  await onlyTheDaemonRuns(engine);
});

test('on a full disk a create fails and says why, nothing is half-made, and with room again it works', async () => {
  await using engine = await startEngine({
    prepare: async ({ dataRoot }) => {
      mkdirSync(dataRoot);
      await output(['mount', '-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', dataRoot]);
    },
  });
  const running = await engine.output('run', '-d', '--network', 'none', 'busybox', 'sleep', '1000');
  const other = await engine.output('run', '-d', '--network', 'none', 'busybox', 'sleep', '1000');
  fillUp(engine);

  const created = await engine.docker('create', '--name', 'homeless', '--network', 'none', 'busybox', 'true');
  expect(created.code).not.toBe(0);
  expect(created.stderr).toMatch(/no space left|disk is full/i);
  expect(await engine.output('ps', '-aq', '--no-trunc')).toBe(`${other}\n${running}`);
  expect(readdirSync(`${engine.dataRoot}/containers`).sort()).toEqual([other, running].sort());

  // It runs on, and can still be used and looked at.
  expect(await engine.docker('exec', running, 'echo', 'hello')).toMatchObject({ code: 0, stdout: 'hello\n' });

  // And be stopped.
  await engine.output('stop', '-t', '0', other);
  expect((await engine.inspect(other)).State).toMatchObject({ Status: 'exited', ExitCode: 137 });

  rmSync(`${engine.dataRoot}/filler`);
  await engine.output('rm', other);
  expect(await engine.docker('run', '--rm', '--network', 'none', 'busybox', 'echo', 'room')).toMatchObject({
    code: 0,
    stdout: 'room\n',
  });
  await engine.output('rm', '-f', running);
  expectWholeDatabases(engine);
  await engine.stop();
  await output(['umount', engine.dataRoot]);
});

function fillUp({ dataRoot }: TestEngine): void {
  const chunk = Buffer.alloc(64 * 1024);
  for (let size = chunk.length; size >= 1; size >>= 1) {
    try {
      for (;;) writeFileSync(`${dataRoot}/filler`, chunk.subarray(0, size), { flag: 'a' });
    } catch (error) {
      // Full for pieces of this size: smaller ones may still fit.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    }
  }
}
