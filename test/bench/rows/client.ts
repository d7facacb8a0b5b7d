import { type Row, timed } from '../row.ts';

export const rows: Row[] = [
  {
    name: 'version',
    title: '`docker version`',
    unit: 'ms',
    goal: { times: 1 },
    rounds: 30,
    measure: side => timed(() => side.docker('version')),
  },
];
