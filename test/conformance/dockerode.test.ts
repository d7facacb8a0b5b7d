// Node programs reach the engine by dockerode, here under Node itself.
import { expect, test } from 'bun:test';
import { startEngine } from '../support/engine.ts';
import { startOfficialEngine } from '../support/official-engine.ts';
import { run } from '../support/process.ts';

const session = new URL('dockerode/session.mjs', import.meta.url).pathname;

async function runSession(socket: string): Promise<void> {
  const ran = await run(['node', session], { environment: { ...process.env, DOCKER_SOCKET: socket } });
  expect({ code: ran.code, stderr: ran.stderr, done: ran.stdout.split('\n').length - 1 }).toEqual({
    code: 0,
    stderr: '',
    done: 10,
  });
}

test('dockerode with our engine', async () => {
  await using engine = await startEngine();
  await runSession(engine.roots.socket);
});

// What fails with this is wrong in the session.
if (process.env['DOCKYARD_TEST_ORACLE']) {
  test("dockerode with Docker's engine", async () => {
    await using engine = await startOfficialEngine();
    await runSession(engine.roots.socket);
  });
}
