// What networks cost: to join and leave one, to start among many others, and what goes through them.
import { output } from '../../support/process.ts';
import { until } from '../../support/until.ts';
import { type Row, timed } from '../row.ts';
import type { Side } from '../side.ts';
import { median } from '../table.ts';

const SECONDS = 2;
const PORT = 5201;

const runOnBridge = (side: Side, ...flags: string[]) =>
  timed(() => side.docker('run', '--rm', ...flags, 'busybox', 'true'));

/** How many times slower a start is once `load` is there. */
function slowdown(row: Pick<Row, 'name' | 'title'>, start: (side: Side) => Promise<number>, load: Row['prepare']): Row {
  const alone = new Map<Side, number>();
  const several = async (side: Side): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < 10; i++) times.push(await start(side));
    return median(times);
  };
  return {
    ...row,
    unit: '×',
    goal: { value: 1.2 },
    rounds: 3,
    prepare: async side => {
      await several(side);
      alone.set(side, await several(side));
      await load?.(side);
    },
    measure: async side => (await several(side)) / alone.get(side)!,
    finish: side => side.removeAll(),
  };
}

async function serve(side: Side, name: string, ...flags: string[]): Promise<void> {
  await side.docker('run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '100000');
  const server = Bun.spawn([...(await side.inContainer(name)), 'iperf3', '-s', '-p', String(PORT)], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  server.unref();
  await until(async () =>
    (await output([...(await side.inContainer(name)), 'ss', '-ltnH', `sport = :${PORT}`])).includes(String(PORT)),
  );
}

async function throughput(enter: readonly string[], address: string, port = PORT): Promise<number> {
  const report = await output([...enter, 'iperf3', '-J', '-t', String(SECONDS), '-c', address, '-p', String(port)], {
    within: 30_000,
  });
  const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second / 8e6;
}

const addressOf = (side: Side, container: string) =>
  side.docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', container);

function stream(row: Pick<Row, 'name' | 'title'>, measure: (side: Side) => Promise<number>): Row {
  return {
    ...row,
    unit: 'MB/s',
    goal: { times: 1 },
    rounds: 5,
    prepare: async side => {
      await serve(side, 'server', '-p', `${PORT}:${PORT}`);
      await side.docker('run', '-d', '--name', 'client', 'busybox', 'sleep', '100000');
    },
    measure,
    // The servers' namespaces go with their containers, but they themselves do not.
    finish: async side => {
      await side.endInContainer('server', 'iperf3');
      await side.removeAll();
    },
  };
}

export const rows: Row[] = [
  {
    name: 'connect',
    title: '`docker network connect`, and `disconnect`',
    unit: 'ms',
    goal: { times: 5 },
    rounds: 15,
    prepare: async side => {
      await side.docker('network', 'create', 'other');
      await side.docker('run', '-d', '--name', 'joiner', 'busybox', 'sleep', '100000');
    },
    measure: side =>
      timed(async () => {
        await side.docker('network', 'connect', 'other', 'joiner');
        await side.docker('network', 'disconnect', 'other', 'joiner');
      }),
    finish: async side => {
      await side.removeAll();
      await side.docker('network', 'rm', 'other');
    },
  },
  slowdown(
    { name: 'slower-among-200', title: 'a start on the default bridge with 200 containers there, against none' },
    side => runOnBridge(side),
    side => side.populate(200, 'bridge'),
  ),
  slowdown(
    { name: 'slower-among-ports', title: 'a start with a published port with 1000 others published, against none' },
    side => runOnBridge(side, '-p', '9000:80'),
    async side => {
      await side.docker('run', '-d', '-p', '20000-20999:20000-20999', 'busybox', 'sleep', '100000');
    },
  ),
  stream({ name: 'bytes-containers', title: 'from container to container, TCP' }, async side =>
    throughput(await side.inContainer('client'), await addressOf(side, 'server')),
  ),
  stream({ name: 'bytes-host', title: 'from the host to a container, TCP' }, async side =>
    throughput(side.enter, await addressOf(side, 'server')),
  ),
  stream({ name: 'bytes-port', title: 'from the host to a port published on 127.0.0.1, TCP' }, side =>
    throughput(side.enter, '127.0.0.1'),
  ),
  {
    name: 'dns',
    title: 'names of containers looked up, by the embedded server',
    unit: '/s',
    goal: { value: 10_000 },
    rounds: 5,
    prepare: async side => {
      await side.docker('network', 'create', 'names');
      for (const name of ['asked', 'asking']) {
        await side.docker('run', '-d', '--name', name, '--network', 'names', 'busybox', 'sleep', '100000');
      }
    },
    measure: async side =>
      Number(
        await output([
          ...(await side.inContainer('asking')),
          ...[process.execPath, `${import.meta.dir}/../dns-load.ts`, '127.0.0.11', 'asked', String(SECONDS)],
        ]),
      ),
    finish: async side => {
      await side.removeAll();
      await side.docker('network', 'rm', 'names');
    },
  },
];
