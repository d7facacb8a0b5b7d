import { expect, test } from 'bun:test';
import { formatAddress, formatPrefix, requireAddress, requirePrefix } from './addresses.ts';
import { AddressPool, checkOverlap, chooseSubnet, DEFAULT_POOLS, isExhausted, uniqueLocalPool } from './ipam.ts';

const choose = (taken: string[], reserved: string[] = [], size?: number) =>
  formatPrefix(
    chooseSubnet({
      family: 4,
      pools: DEFAULT_POOLS,
      taken: taken.map(requirePrefix),
      reserved: reserved.map(requirePrefix),
      size,
    }),
  );

test('subnets are chosen in order, around what is taken and what the host reaches', () => {
  expect(choose([])).toBe('172.17.0.0/16');
  expect(choose(['172.17.0.0/16'])).toBe('172.18.0.0/16');
  expect(choose(['172.18.0.0/16'])).toBe('172.17.0.0/16');
  expect(choose(['172.17.0.0/16'], ['172.18.4.0/24', '172.16.0.0/13'])).toBe('172.24.0.0/16');
  expect(choose(['172.16.0.0/12'], ['192.168.0.0/24', '192.168.16.7/32'])).toBe('192.168.32.0/20');
  expect(choose([], ['172.17.0.0/24'], 24)).toBe('172.17.1.0/24');
});

test('running out of subnets, or asking for an impossible size, is an error', () => {
  expect(() => choose(['172.16.0.0/12', '192.168.0.0/16'])).toThrow('fully subnetted');
  expect(() => choose([], [], 8)).toThrow('invalid address pool');
});

test('each engine has IPv6 of its own', () => {
  const pool = uniqueLocalPool('a');
  expect(formatPrefix(pool.base)).toMatch(/^fd[0-9a-f:]+::\/48$/);
  expect(pool).toEqual(uniqueLocalPool('a'));
  expect(pool).not.toEqual(uniqueLocalPool('b'));
  const subnet = chooseSubnet({ family: 6, pools: [pool], taken: [], reserved: [] });
  expect(subnet.bits).toBe(64);
});

test('overlapping pools are refused', () => {
  expect(() => checkOverlap(requirePrefix('10.0.0.0/8'), [requirePrefix('10.5.0.0/16')])).toThrow('Pool overlaps');
  checkOverlap(requirePrefix('10.0.0.0/16'), [requirePrefix('10.5.0.0/16')]);
});

test('addresses: the lowest free one, never twice, reusable when released', () => {
  const pool = new AddressPool(requirePrefix('10.0.0.0/29'), undefined);
  const take = () => formatAddress(pool.take());
  pool.takeThis(requireAddress('10.0.0.1'));
  expect([take(), take(), take()]).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4']);
  pool.release(requireAddress('10.0.0.3'));
  expect(() => pool.takeThis(requireAddress('10.0.0.4'))).toThrow('Address already in use');
  expect(() => pool.takeThis(requireAddress('10.0.0.9'))).toThrow('out of range');
  expect([take(), take(), take()]).toEqual(['10.0.0.3', '10.0.0.5', '10.0.0.6']);
  let failure: unknown;
  try {
    take();
  } catch (error) {
    failure = error;
  }
  expect(isExhausted(failure)).toBe(true);
  expect(pool.status()).toEqual({ inUse: 8n, available: 0n });
});

test('a range narrows what is given, not what may be asked for', () => {
  const pool = new AddressPool(requirePrefix('10.0.0.0/16'), requirePrefix('10.0.5.0/30'));
  const given = Array.from({ length: 4 }, () => formatAddress(pool.take()));
  expect(given).toEqual(['10.0.5.0', '10.0.5.1', '10.0.5.2', '10.0.5.3']);
  expect(() => pool.take()).toThrow('no available addresses');
  pool.takeThis(requireAddress('10.0.9.9'));
});

test('links of two addresses and of one', () => {
  const pair = new AddressPool(requirePrefix('10.0.0.0/31'), undefined);
  expect([formatAddress(pair.take()), formatAddress(pair.take())]).toEqual(['10.0.0.0', '10.0.0.1']);
  const single = new AddressPool(requirePrefix('10.0.0.7/32'), undefined);
  expect(formatAddress(single.take())).toBe('10.0.0.7');
});
