// Moving a large image: in and out as an archive, to and from a registry that nobody here wrote.
import { mkdirSync, rmSync } from 'node:fs';
import type { Subprocess } from 'bun';
import { until } from '../../support/until.ts';
import { IMAGE, imageArchive } from '../image-archive.ts';
import { type Row, timed } from '../row.ts';
import type { Side } from '../side.ts';

const ROUNDS = 3;
const PORT = 5000;
const REMOTE = `127.0.0.1:${PORT}/${IMAGE}`;

const registries = new Map<Side, Subprocess>();

async function has(side: Side, name: string): Promise<boolean> {
  return (await side.docker('images', '-q', name)) !== '';
}

async function loaded(side: Side): Promise<void> {
  if (!(await has(side, IMAGE))) await side.docker('load', '-q', '-i', await imageArchive());
}

async function absent(side: Side): Promise<void> {
  for (const name of [IMAGE, REMOTE]) if (await has(side, name)) await side.docker('rmi', '-f', name);
}

/** In the side's own network; empty at first. */
async function startRegistry(side: Side): Promise<void> {
  const base = `${side.base}/registry`;
  mkdirSync(base, { recursive: true });
  const config = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: `${base}/data` } },
    http: { addr: `127.0.0.1:${PORT}` },
    log: { level: 'error', accesslog: { disabled: true } },
  };
  await Bun.write(`${base}/config.yml`, JSON.stringify(config));
  registries.set(side, side.inside(['docker-registry', 'serve', `${base}/config.yml`]));
  const probe = ['curl', '-fs', '-o', '/dev/null', `http://127.0.0.1:${PORT}/v2/`];
  await until(async () => (await side.inside(probe).exited) === 0, { what: 'docker-registry' });
}

/** With layers in gzip, as nearly all are that people pull. */
async function fillRegistry(side: Side): Promise<void> {
  const to = ['--dest-tls-verify=false', `docker://${REMOTE}`];
  const copying = side.inside(['skopeo', 'copy', '--insecure-policy', `docker-archive:${await imageArchive()}`, ...to]);
  if ((await copying.exited) !== 0) throw new Error('skopeo could not fill the registry');
}

async function stopRegistry(side: Side): Promise<void> {
  const registry = registries.get(side);
  registry?.kill('SIGKILL');
  await registry?.exited;
  registries.delete(side);
  rmSync(`${side.base}/registry`, { recursive: true, force: true });
}

async function pushable(side: Side): Promise<void> {
  await loaded(side);
  await side.docker('tag', IMAGE, REMOTE);
  await stopRegistry(side);
  await startRegistry(side);
}

async function pullable(side: Side): Promise<void> {
  await absent(side);
  await stopRegistry(side);
  await startRegistry(side);
  await fillRegistry(side);
}

/** Each way of moving the image: what has to be there before, and the move itself. */
const moves = [
  {
    verb: 'load',
    before: absent,
    move: async (side: Side) => side.docker('load', '-q', '-i', await imageArchive()),
  },
  { verb: 'push', before: pushable, move: (side: Side) => side.docker('push', '-q', REMOTE) },
  { verb: 'pull', before: pullable, move: (side: Side) => side.docker('pull', '-q', REMOTE) },
  {
    verb: 'save',
    before: loaded,
    move: async (side: Side) => {
      const path = `${side.base}/saved.tar`;
      try {
        await side.docker('save', '-o', path, IMAGE);
      } finally {
        rmSync(path, { force: true });
      }
    },
  },
];

export const rows: Row[] = [
  {
    name: 'image-load',
    title: '`docker load` of 400 MB: 20 000 files in 4 layers',
    unit: 'ms',
    goal: { times: 2 },
    rounds: ROUNDS,
    podman: true,
    measure: async side => {
      await absent(side);
      const archive = await imageArchive();
      return timed(() => side.docker('load', '-q', '-i', archive));
    },
  },
  {
    name: 'image-first-run',
    title: '... and the first `docker run --rm --network none` of it',
    unit: 'ms',
    goal: { times: 2 },
    rounds: ROUNDS,
    measure: async side => {
      await absent(side);
      await loaded(side);
      return timed(() => side.docker('run', '--rm', '--network', 'none', IMAGE, 'true'));
    },
  },
  {
    name: 'image-save',
    title: '`docker save` of it',
    unit: 'ms',
    goal: { times: 2 },
    rounds: ROUNDS,
    podman: true,
    prepare: loaded,
    measure: async side => {
      const path = `${side.base}/saved.tar`;
      try {
        return await timed(() => side.docker('save', '-o', path, IMAGE));
      } finally {
        rmSync(path, { force: true });
      }
    },
  },
  {
    name: 'image-push',
    title: '`docker push` of it to a registry on loopback',
    unit: 'ms',
    goal: { times: 2 },
    rounds: ROUNDS,
    podman: true,
    prepare: async side => {
      await loaded(side);
      await side.docker('tag', IMAGE, REMOTE);
    },
    measure: async side => {
      await stopRegistry(side);
      await startRegistry(side);
      return timed(() => side.docker('push', '-q', REMOTE));
    },
  },
  {
    name: 'image-pull',
    title: '`docker pull` of it from there',
    unit: 'ms',
    goal: { times: 2 },
    rounds: ROUNDS,
    podman: true,
    prepare: pullable,
    measure: async side => {
      await absent(side);
      return timed(() => side.docker('pull', '-q', REMOTE));
    },
    finish: async side => {
      await stopRegistry(side);
      await absent(side);
    },
  },
  ...moves.map(
    ({ verb, before, move }): Row => ({
      name: `image-memory-${verb}`,
      title: `... the most memory that the daemon and its helpers take for the ${verb}`,
      unit: 'MB',
      rounds: 1,
      podman: true,
      prepare: before,
      measure: side => side.peakMemory(() => move(side)),
      finish: async side => {
        await stopRegistry(side);
        await absent(side);
      },
    }),
  ),
];
