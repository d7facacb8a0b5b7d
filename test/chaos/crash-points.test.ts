// The daemon dies at chosen moments of a container's life: just before or after what it has the runtime do. A runtime that
// kills the daemon, once, makes them exact.
import { expect, test } from 'bun:test';
import { existsSync, writeFileSync } from 'node:fs';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';
import { expectNoOrphans } from './orphans.ts';

/** Says when by a file named `trap` that holds "before VERB" or "after VERB". */
const runtime = (base: string) => `#!/bin/sh
verb=
for word in "$@"; do
  case $word in create | start | delete) verb=$word ;; esac
done
trap=$(cat ${base}/trap 2>/dev/null)
strike() {
  rm ${base}/trap
  kill -9 "$(cat ${base}/pid)"
}
if [ "$trap" = "before $verb" ]; then strike; fi
crun "$@"
code=$?
if [ "$trap" = "after $verb" ]; then strike; fi
exit $code
`;

function startTrappedEngine(): Promise<TestEngine> {
  return startEngine({
    flags: ({ base }) => ['--add-runtime', `deadly=${base}/deadly`, '--default-runtime', 'deadly'],
    prepare: ({ base }) => writeFileSync(`${base}/deadly`, runtime(base), { mode: 0o755 }),
  });
}

async function strikeDuring(engine: TestEngine, trap: string, action: () => Promise<unknown>): Promise<void> {
  writeFileSync(`${engine.roots.base}/trap`, trap);
  await Promise.allSettled([action(), until(() => !existsSync(`${engine.roots.base}/trap`))]);
  await engine.kill();
  await engine.start();
}

for (const moment of ['before create', 'after create', 'before start', 'after start']) {
  test(`${moment}: the container is there, whole, and runs when it is started`, async () => {
    await using engine = await startTrappedEngine();
    const script = 'echo begin; sleep 0.1; echo end; exit 5';
    await engine.output('create', '--name', 'it', '--network', 'none', 'busybox', 'sh', '-c', script);
    await strikeDuring(engine, moment, () => engine.docker('start', 'it'));
    const status = (await engine.inspect('it')).State?.Status;
    // What was stored as running does run; what was not was taken back.
    expect(moment.endsWith('create') ? ['created'] : ['running', 'exited']).toContain(status ?? '');
    await expectNoOrphans(engine);
    if (status === 'created') await engine.output('start', 'it');
    expect(await engine.output('wait', 'it')).toBe('5');
    expect(await engine.output('logs', 'it')).toBe('begin\nend');
  });
}

for (const moment of ['before delete', 'after delete']) {
  test(`${moment}: an end is still an end, and the container can run again`, async () => {
    await using engine = await startTrappedEngine();
    await engine.output('create', '--name', 'it', '--network', 'none', 'busybox', 'sh', '-c', 'echo once; exit 5');
    await strikeDuring(engine, moment, () => engine.docker('start', '-a', 'it'));
    expect(await engine.output('wait', 'it')).toBe('5');
    await expectNoOrphans(engine);
    expect((await engine.docker('start', '-a', 'it')).code).toBe(5);
    expect(await engine.output('logs', 'it')).toBe('once\nonce');
  });

  test(`${moment}: a removal can be asked for again`, async () => {
    await using engine = await startTrappedEngine();
    await engine.output('run', '-d', '--name', 'it', '--network', 'none', 'busybox', 'sleep', '1000');
    await strikeDuring(engine, moment, () => engine.docker('rm', '-f', 'it'));
    await engine.docker('rm', '-f', 'it');
    expect(await engine.output('ps', '-aq')).toBe('');
    await expectNoOrphans(engine);
  });
}

test('killed as soon as the client of a --rm container has its exit code: nothing of the container is left', async () => {
  await using engine = await startEngine();
  for (let round = 0; round < 5; round++) {
    const ran = await engine.docker(
      'run',
      '--rm',
      '-v',
      '/data',
      '--ipc',
      'shareable',
      'busybox',
      'sh',
      '-c',
      'exit 3',
    );
    await engine.kill();
    expect(ran.code).toBe(3);
    await engine.start();
    expect(await engine.output('ps', '-aq')).toBe('');
    await expectNoOrphans(engine);
  }
});
