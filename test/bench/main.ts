// `npm run bench`: Debian's Docker and Dockyard beside each other, run by run in turn.
//   npm run bench -- exec run-host      only these rows (a name selects all rows that begin with it)
//   npm run bench -- --quick            a third of the rounds
//   npm run bench -- --only dockyard    one side alone
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/lib/errors.ts';
import { busyboxLayer } from '../support/official-busybox.ts';
import { output } from '../support/process.ts';
import { officialClients, officialDaemon, ourClient, ourDaemon } from '../support/programs.ts';
import type { Row } from './row.ts';
import { rows as client } from './rows/client.ts';
import { rows as exec } from './rows/exec.ts';
import { rows as images } from './rows/images.ts';
import { rows as many } from './rows/many.ts';
import { rows as network } from './rows/network.ts';
import { rows as runs } from './rows/run.ts';
import { rows as streams } from './rows/streams.ts';
import { Side } from './side.ts';
import { line, markdown, type Result } from './table.ts';

const allRows = [...client, ...runs, ...exec, ...many, ...network, ...streams, ...images];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, only: { type: 'string' }, output: { type: 'string' } },
});
const selected = allRows.filter(
  ({ name }) => positionals.length === 0 || positionals.some(word => name.startsWith(word)),
);
if (selected.length === 0) {
  console.error(`There is no such row. The rows: ${allRows.map(({ name }) => name).join(' ')}`);
  process.exit(1);
}
const version = await output([officialClients[0]!, '--version']);

const docker = new Side({
  name: 'docker',
  client: () => [officialClients[0]!],
  daemon: [officialDaemon.path],
  environment: officialDaemon.environment,
  seed: importBusybox,
});
const dockyard = new Side({ name: 'dockyard', client: () => ourClient, daemon: ourDaemon, seed: async () => {} });
const podman = new Side({
  name: 'podman',
  client: podmanCommand,
  daemon: undefined,
  seed: async ({ base }) => {
    writeFileSync(`${base}/registries.conf`, '[[registry]]\nlocation = "127.0.0.1:5000"\ninsecure = true\n');
  },
});
const withPodman = Bun.which('podman') !== null && selected.some(row => row.podman);
const sides = [docker, dockyard, ...(withPodman ? [podman] : [])].filter(
  ({ name }) => options.only === undefined || name === options.only,
);

const results: Result[] = [];
try {
  for (const side of sides) await side.open();
  for (const row of selected) {
    const result = await measureRow(row);
    results.push(result);
    console.log(line(result));
  }
} finally {
  for (const side of sides) await side.close();
}
const table = markdown(results, `${machine()}; ${new Date().toISOString().slice(0, 10)}; ${version}`);
console.log(`\n${table}`);
if (options.output) writeFileSync(options.output, table);

async function measureRow(row: Row): Promise<Result> {
  const missing = 'not measured';
  const values = new Map<Side, number[] | string>([docker, dockyard].map(side => [side, missing]));
  const contestants = sides.filter(side => side !== podman || row.podman);
  for (const side of contestants) {
    const problem = await attempt(() => row.prepare?.(side));
    values.set(side, problem === undefined ? [] : 'failed');
    if (problem) console.error(`${row.name}: ${side.name}: ${problem}`);
  }
  const rounds = options.quick ? Math.max(1, Math.round(row.rounds / 3)) : row.rounds;
  // The first round warms caches and does not count, where rounds are many.
  const warmUps = rounds >= 5 ? 1 : 0;
  for (let round = -warmUps; round < rounds; round++) {
    for (const side of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const measured = values.get(side);
      if (!Array.isArray(measured)) continue;
      const problem = await attempt(async () => {
        const value = await row.measure(side);
        if (round >= 0) measured.push(value);
      });
      if (problem) {
        console.error(`${row.name}: ${side.name}: ${problem}`);
        values.set(side, 'failed');
      }
    }
  }
  for (const side of contestants) await row.finish?.(side);
  return { row, docker: values.get(docker)!, dockyard: values.get(dockyard)!, podman: values.get(podman) };
}

/** Why it did not work, if it did not. */
async function attempt(action: () => Promise<void> | undefined): Promise<string | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return messageOf(error).trim() || 'failed';
  }
}

function machine(): string {
  const model = /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? process.arch;
  return `${availableParallelism()} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`;
}

/** Its storage is its own, and so is what it thinks of registries. */
function podmanCommand(base: string): string[] {
  const storage = ['--root', `${base}/data`, '--runroot', `${base}/run`, '--storage-driver', 'overlay'];
  const registries = `CONTAINERS_REGISTRIES_CONF=${base}/registries.conf`;
  return ['env', registries, 'podman', ...storage, '--cgroup-manager', 'cgroupfs', '--events-backend', 'none'];
}

async function importBusybox(side: Side): Promise<void> {
  const layer = await busyboxLayer(`${side.base}/busybox`);
  await side.docker('import', '--change', 'CMD ["sh"]', layer, 'busybox:latest');
}
