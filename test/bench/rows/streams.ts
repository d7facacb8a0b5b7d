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

/** A container that holds the text as a file of its own, so that it can be copied out and exported. */
async function holder(side: Side): Promise<void> {
  await side.docker('create', '--name', 'holder', '--network', 'none', 'busybox', 'true');
  await side.docker('cp', textFile(side), 'holder:/text');
}

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
    name: 'attach-local',
    title: 'the same with `--log-driver local`',
    unit: 'MB/s',
    rounds: 3,
    measure: side =>
      perSecond(() =>
        side.redirected(['run', '--rm', '--log-driver', 'local', ...text(side)], '/dev/null', '/dev/null'),
      ),
  },
  {
    name: 'exec-output',
    title: `${MEGABYTES} MB of output through \`docker exec\``,
    unit: 'MB/s',
    rounds: 3,
    prepare: async side => {
      const volume = `${textFile(side)}:/text:ro`;
      await side.docker('run', '-d', '--name', 'target', '--network', 'none', '-v', volume, 'busybox', 'sleep', '1000');
    },
    measure: side => perSecond(() => side.redirected(['exec', 'target', 'cat', '/text'], '/dev/null', '/dev/null')),
    finish: side => side.removeAll(),
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
  {
    name: 'cp-in',
    title: `\`docker cp\` of ${MEGABYTES} MB into a container`,
    unit: 'MB/s',
    rounds: 3,
    prepare: holder,
    measure: side => perSecond(() => side.docker('cp', textFile(side), 'holder:/text')),
    finish: side => side.removeAll(),
  },
  {
    name: 'cp-out',
    title: `\`docker cp\` of ${MEGABYTES} MB out of a container`,
    unit: 'MB/s',
    rounds: 3,
    prepare: holder,
    measure: side => perSecond(() => side.docker('cp', 'holder:/text', `${side.base}/copy`)),
    finish: side => side.removeAll(),
  },
  {
    name: 'export',
    title: `\`docker export\` of a container with ${MEGABYTES} MB`,
    unit: 'MB/s',
    rounds: 3,
    prepare: holder,
    measure: side => perSecond(() => side.redirected(['export', 'holder'], '/dev/null', '/dev/null')),
    finish: side => side.removeAll(),
  },
];
