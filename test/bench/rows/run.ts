import { type Row, timed } from '../row.ts';

function runRow(name: string, network: string, title: string, times: number): Row {
  return {
    name,
    title,
    unit: 'ms',
    goal: { times },
    rounds: 15,
    measure: side => timed(() => side.docker('run', '--rm', '--network', network, 'busybox', 'true')),
  };
}

export const rows: Row[] = [
  runRow('run-bridge', 'bridge', '`docker run --rm busybox true`, default bridge', 6),
  runRow('run-none', 'none', '... `--network none`', 4),
  runRow('run-host', 'host', '... `--network host`', 4),
  {
    name: 'run-detached',
    title: '`docker run -d --network none busybox sleep 1000`',
    unit: 'ms',
    goal: { times: 4 },
    rounds: 15,
    measure: side => timed(() => side.docker('run', '-d', '--network', 'none', 'busybox', 'sleep', '1000')),
    finish: side => side.removeAll(),
  },
];
