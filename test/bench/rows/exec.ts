import { type Row, timed } from '../row.ts';

export const rows: Row[] = [
  {
    name: 'exec',
    title: '`docker exec c true`',
    unit: 'ms',
    goal: { times: 4 },
    rounds: 20,
    prepare: async side => {
      await side.docker('run', '-d', '--name', 'target', '--network', 'none', 'busybox', 'sleep', '1000');
    },
    measure: side => timed(() => side.docker('exec', 'target', 'true')),
    finish: side => side.removeAll(),
  },
];
