// How fast bytes pass through the engine. The bytes are lines of text in a file, so that what makes them costs nothing.
import { existsSync, writeFileSync } from 'node:fs';
import { type Row, timed } from '../row.ts';
import type { Side } from '../side.ts';

const MEGABYTES = 128;

function textFile(side: Side): string {
  const path = `${side.base}/text`;
  if (existsSync(path)) return path;
  const line = `${'the quick brown fox jumps over the lazy dog and '.repeat(2).slice(0, 79)}\n`;
  writeFileSync(path, line.repeat((MEGABYTES * 1024 * 1024) / line.length));
  return path;
}

const perSecond = async (action: () => Promise<unknown>) => (MEGABYTES * 1.048576) / ((await timed(action)) / 1000);

const text = (side: Side) => ['--network', 'none', '-v', `${textFile(side)}:/text:ro`, 'busybox', 'cat', '/text'];

export const rows: Row[] = [
  {
    name: 'attach',
    title: `${MEGABYTES} MB of output through \`docker run\``,
    unit: 'MB/s',
    goal: { value: 150 },
    rounds: 3,
    measure: side => perSecond(() => side.redirected(['run', '--rm', ...text(side)], '/dev/null', '/dev/null')),
  },
  {
    name: 'logs',
    title: `\`docker logs\` of ${MEGABYTES} MB`,
    unit: 'MB/s',
    rounds: 3,
    prepare: async side => {
      await side.docker('run', '-d', '--name', 'talker', ...text(side));
      await side.docker('wait', 'talker');
    },
    measure: side => perSecond(() => side.redirected(['logs', 'talker'], '/dev/null', '/dev/null')),
    finish: side => side.removeAll(),
  },
  {
    name: 'stdin',
    title: `${MEGABYTES} MB of input through \`docker run -i\``,
    unit: 'MB/s',
    rounds: 3,
    measure: side =>
      perSecond(() =>
        side.redirected(
          ['run', '-i', '--rm', '--network', 'none', 'busybox', 'sh', '-c', 'cat >/dev/null'],
          textFile(side),
          '/dev/null',
        ),
      ),
  },
];
