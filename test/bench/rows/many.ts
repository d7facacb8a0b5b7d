import { type Row, timed } from '../row.ts';
import type { Side } from '../side.ts';

/** Engines let go of what they no longer need when they have been idle for half a minute. */
const REST_MS = 35_000;

const IDLE = ['--network', 'none', 'busybox', 'sleep', '1000'];

async function createStopped(side: Side, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await side.docker('create', ...IDLE);
}

/** So many at a time, until all are done. */
async function inParallel(total: number, width: number, action: () => Promise<unknown>): Promise<void> {
  let left = total;
  const worker = async () => {
    while (left-- > 0) await action();
  };
  await Promise.all(Array.from({ length: width }, worker));
}

const among = (count: number): Row => ({
  name: `run-among-${count}`,
  title: `\`docker run --rm --network none busybox true\` with ${count} containers up`,
  unit: 'ms',
  rounds: 10,
  prepare: side => side.populate(count),
  measure: side => timed(() => side.docker('run', '--rm', '--network', 'none', 'busybox', 'true')),
});

const empty = new Map<Side, number>();

export const rows: Row[] = [
  {
    name: 'parallel',
    title: '40 times `docker run -d --network none`, 8 at a time',
    unit: 'ms',
    rounds: 3,
    measure: side => timed(() => inParallel(40, 8, () => side.docker('run', '-d', ...IDLE))),
    finish: side => side.removeAll(),
  },
  among(0),
  among(50),
  among(100),
  {
    name: 'memory-container',
    title: 'memory of an idle container beyond its own process (mean of 50)',
    unit: 'MB',
    goal: { value: 1 },
    rounds: 1,
    prepare: async side => {
      // What a daemon loads and compiles for its first containers stays, however many come after them.
      await side.populate(50);
      await side.populate(0);
      await Bun.sleep(REST_MS);
      empty.set(side, side.memory());
      await side.populate(50);
      await Bun.sleep(REST_MS);
    },
    measure: async side => (side.memory() - empty.get(side)!) / 50,
    finish: side => side.removeAll(),
  },
  {
    name: 'ps',
    title: '`docker ps -a` with 200 containers',
    unit: 'ms',
    rounds: 15,
    prepare: side => createStopped(side, 200),
    measure: side => timed(() => side.docker('ps', '-a')),
    finish: side => side.removeAll(),
  },
  {
    name: 'daemon-start',
    title: 'start of the daemon with 200 stopped containers',
    unit: 'ms',
    rounds: 5,
    prepare: side => createStopped(side, 200),
    measure: async side => {
      await side.stop();
      return side.start();
    },
    finish: side => side.removeAll(),
  },
  {
    name: 'memory-daemon',
    title: 'memory of the idle daemon, freshly started',
    unit: 'MB',
    rounds: 3,
    measure: async side => {
      await side.stop();
      await side.start();
      await side.docker('version');
      await Bun.sleep(2000);
      return side.memory();
    },
  },
];
