import { describe, expect, test } from 'bun:test';
import { chainNames, layouts } from './chains.ts';
import { changeScript, hasAnything, parseSaved, removalScript, wholeScript } from './scripts.ts';

const chains = chainNames('dockyard-0a1b2c3d');
const four = layouts(4, chains);

const forwardJumps = (listing: string) =>
  wholeScript(four, [], parseSaved(listing), { chain: chains.closed, is: false })
    .split('\n')
    .filter(line => /^-[ID] FORWARD/.test(line));

test('names of chains fit into what the kernel allows', () => {
  for (const name of Object.values(chains)) expect(name.length).toBeLessThanOrEqual(28);
});

describe('in the chain FORWARD ours stand', () => {
  test('in front', () => {
    expect(forwardJumps('*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j REJECT\nCOMMIT\n')).toEqual([
      '-I FORWARD 1 -j dockyard-0a1b2c3d-drops',
      '-I FORWARD 2 -j dockyard-0a1b2c3d-forward',
    ]);
  });

  test('behind what people forbid in DOCKER-USER, and accept behind what Docker’s networks are closed to', () => {
    const listing = [
      '*filter',
      '-A FORWARD -j DOCKER-USER',
      '-A FORWARD -j DOCKER-ISOLATION-STAGE-1',
      '-A FORWARD -o docker0 -j DOCKER',
      'COMMIT',
    ];
    expect(forwardJumps(listing.join('\n'))).toEqual([
      '-I FORWARD 2 -j dockyard-0a1b2c3d-drops',
      '-I FORWARD 4 -j dockyard-0a1b2c3d-forward',
    ]);
  });

  test('and accept behind what the internal networks of another engine are closed to', () => {
    const listing = ['*filter', '-A FORWARD -j dockyard-ffffffff-drops', '-A FORWARD -j dockyard-ffffffff-forward'];
    expect(forwardJumps(listing.join('\n'))).toEqual([
      '-I FORWARD 1 -j dockyard-0a1b2c3d-drops',
      '-I FORWARD 3 -j dockyard-0a1b2c3d-forward',
    ]);
  });

  test('once, wherever they stood before', () => {
    const listing = ['*filter', '-A FORWARD -j REJECT', '-A FORWARD -j dockyard-0a1b2c3d-forward'];
    expect(forwardJumps(listing.join('\n'))).toEqual([
      '-D FORWARD -j dockyard-0a1b2c3d-forward',
      '-I FORWARD 1 -j dockyard-0a1b2c3d-drops',
      '-I FORWARD 2 -j dockyard-0a1b2c3d-forward',
    ]);
  });
});

test('a change asks in each table whether the kernel still comes to our chains', () => {
  const rule = {
    table: 'nat',
    chain: chains.ports,
    text: '-p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:80',
  } as const;
  const [mangle, filter, nat] = changeScript(four, [{ rule, action: 'delete' }]).split('COMMIT\n');
  expect(mangle).toBe('*mangle\n-C PREROUTING -j dockyard-0a1b2c3d-guard\n');
  expect(filter).toContain('-C FORWARD -j dockyard-0a1b2c3d-drops\n-C FORWARD -j dockyard-0a1b2c3d-forward\n');
  expect(nat).toContain(`-D ${chains.ports} -p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:80\n`);
});

test('a removal takes our chains, what leads there and the policy that we set, and nothing else', () => {
  const listing = [
    '*filter',
    ':FORWARD DROP [0:0]',
    ':theirs - [0:0]',
    ':dockyard-0a1b2c3d-closed - [0:0]',
    ':dockyard-0a1b2c3d-into - [0:0]',
    ':dockyard-0a1b2c3d-links - [0:0]',
    ':dockyard-ffffffff-into - [0:0]',
    '-A FORWARD -j theirs',
    '-A FORWARD -j dockyard-0a1b2c3d-into',
    '-A dockyard-0a1b2c3d-into -j dockyard-0a1b2c3d-links',
    'COMMIT',
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    'COMMIT',
  ].join('\n');
  expect(removalScript(parseSaved(listing), chains).split('\n')).toEqual([
    '*filter',
    ':FORWARD ACCEPT [0:0]',
    '-D FORWARD -j dockyard-0a1b2c3d-into',
    '-F dockyard-0a1b2c3d-closed',
    '-F dockyard-0a1b2c3d-into',
    '-F dockyard-0a1b2c3d-links',
    '-X dockyard-0a1b2c3d-closed',
    '-X dockyard-0a1b2c3d-into',
    '-X dockyard-0a1b2c3d-links',
    'COMMIT',
    '',
  ]);
  expect(hasAnything(parseSaved('*nat\n:OUTPUT ACCEPT [0:0]\n'), chains)).toBe(false);
});
