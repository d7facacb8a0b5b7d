// Our client prints what Docker's client prints: for our engine, and for Docker's.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { startEngine } from '../support/engine.ts';
import { startOfficialEngine } from '../support/official-engine.ts';
import { output } from '../support/process.ts';
import { commands, compare, currentClient } from './same-output.ts';

interface Engine extends AsyncDisposable {
  clientEnvironment(): Record<string, string | undefined>;
}

interface Setting {
  open: () => Promise<Engine>;
  /** The API version both speak, where each would choose its own. */
  version?: string;
}

const engines: Record<string, Setting> = {
  'our engine': { open: () => startEngine(), version: '1.50' },
  "Docker's engine": { open: startOfficialEngine },
};

const { path: client, reason } = await currentClient();
if (client === undefined) test.skip(`compared with Docker's client (${reason})`, () => undefined);

for (const [name, { open, version }] of client === undefined ? [] : Object.entries(engines)) {
  describe(`with ${name}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await open();
      await makeThings(client!, engine);
    }, 60_000);
    afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);
    for (const args of commands) {
      test(`docker ${args.join(' ')}`, async () => {
        const { theirs, ours } = await compare(args, client!, {
          ...engine.clientEnvironment(),
          DOCKER_API_VERSION: version,
        });
        expect(ours).toEqual(theirs);
      });
    }
  });
}

/** Made by Docker's client: ours is what is tested. */
async function makeThings(client: string, engine: Engine): Promise<void> {
  const docker = (...args: string[]) => output([client, ...args], { environment: engine.clientEnvironment() });
  await docker('volume', 'create', '--label', 'kept=yes', 'kept-volume');
  await docker('create', '--name=one', '--label=who=one', '--network=none', '-v=kept-volume:/data', 'busybox', 'true');
  const health = ['--health-cmd=true', '--health-interval=1h'];
  await docker('run', '-d', '--name=two', '--label=who=two', '--network=none', ...health, 'busybox', 'sleep', '1000');
}
