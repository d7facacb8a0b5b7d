import { describe, expect, test } from 'bun:test';
import type { Link } from '../../../kernel/rtnetlink/link.ts';
import { carriesForOthers, type HostLinks, surroundingsOf } from './surroundings.ts';

interface Given {
  name: string;
  kind?: string;
  /** Of the bridge it is a port of. */
  port?: string;
  alias?: string;
  addresses?: readonly [...number[][]];
  bits?: number;
  isDefault?: boolean;
  isDown?: boolean;
}

function hostOf(given: readonly Given[]): HostLinks {
  const index = (name: string | undefined) => given.findIndex(link => link.name === name) + 1;
  return {
    links: given.map(
      ({ name, kind = '', port, alias = '', isDown = false }): Link => ({
        index: index(name),
        name,
        kind,
        master: index(port),
        alias,
        up: !isDown,
        loopback: name === 'lo',
        mtu: 1500,
        macAddress: '',
      }),
    ),
    addresses: given.flatMap(({ name, addresses = [], bits = 24 }) =>
      addresses.map(bytes => ({ link: index(name), address: { bytes: Uint8Array.from(bytes), bits } })),
    ),
    hasDefaultRoute: link => given[link - 1]!.isDefault === true,
  };
}

const surroundings = (given: readonly Given[]) =>
  surroundingsOf(hostOf(given), new Set(['ours']), new Set(['dockyard-12345678']));
const outsideOf = (given: readonly Given[]) => surroundings(given).outside;
const guestsOf = (given: readonly Given[]) => surroundings(given).guests;

describe('outside is', () => {
  test.each<[string, Given[], string[]]>([
    [
      'the hardware, the tunnels and the VLANs that work',
      [
        { name: 'lo' },
        { name: 'eth0' },
        { name: 'wg0', kind: 'wireguard' },
        { name: 'tun0', kind: 'tun' },
        { name: 'eth0.7', kind: 'vlan' },
        { name: 'eth1', isDown: true },
      ],
      ['eth0', 'eth0.7', 'tun0', 'wg0'],
    ],
    [
      'a bridge that hardware is a port of, and not its port',
      [
        { name: 'br0', kind: 'bridge' },
        { name: 'eth0', port: 'br0' },
        { name: 'vnet0', kind: 'tun', port: 'br0' },
      ],
      ['br0'],
    ],
    [
      'a bridge that the default route goes by, of a host that is a container itself',
      [
        { name: 'br0', kind: 'bridge', isDefault: true },
        { name: 'eth0', kind: 'veth', port: 'br0' },
      ],
      ['br0'],
    ],
    [
      'a bridge of another engine of ours that judges for itself',
      [{ name: 'br-1', kind: 'bridge', alias: 'dockyard-12345678' }],
      ['br-1'],
    ],
    [
      'the interface of a host that is a container itself',
      [
        { name: 'eth0', kind: 'veth', addresses: [[192, 0, 2, 1]] },
        { name: 'eth1', kind: 'veth', isDefault: true },
      ],
      ['eth0', 'eth1'],
    ],
    [
      "not the host's end of a container's interface",
      [
        { name: 'veth1', kind: 'veth', addresses: [[0xfe, 0x80, ...Array(14).fill(1)]], bits: 64 },
        { name: 'cali1', kind: 'veth', addresses: [[169, 254, 1, 1]], bits: 32 },
      ],
      [],
    ],
    [
      'not our own bridge, whatever is plugged into it',
      [
        { name: 'ours', kind: 'bridge', alias: 'dockyard-12345678' },
        { name: 'eth1', port: 'ours' },
      ],
      [],
    ],
    [
      'not a bridge that has nothing, or nothing but containers and machines',
      [
        { name: 'docker0', kind: 'bridge', addresses: [[172, 17, 0, 1]] },
        { name: 'virbr0', kind: 'bridge' },
        { name: 'veth1', kind: 'veth', port: 'docker0' },
        { name: 'vnet0', kind: 'tun', port: 'virbr0' },
      ],
      [],
    ],
  ])('%s', (_, given, expected) => {
    expect(outsideOf(given)).toEqual(expected);
  });
});

test('guests are the bridges that are neither ours nor outside', () => {
  expect(
    guestsOf([
      { name: 'eth0' },
      { name: 'br0', kind: 'bridge' },
      { name: 'eth1', port: 'br0' },
      { name: 'ours', kind: 'bridge' },
      { name: 'other', kind: 'bridge', alias: 'dockyard-12345678' },
      { name: 'docker0', kind: 'bridge' },
      { name: 'veth1', kind: 'veth', port: 'docker0' },
      { name: 'iptables', kind: 'bridge', alias: 'dockyard-87654321' },
    ]),
  ).toEqual(['docker0', 'iptables']);
});

test.each<[string, Given, boolean]>([
  ['hardware', { name: 'eth0' }, false],
  ['our own bridge', { name: 'ours', kind: 'bridge' }, false],
  ['an uplink of a container that the host is', { name: 'eth0', kind: 'veth', addresses: [[10, 0, 0, 2]] }, false],
  ["somebody else's bridge", { name: 'virbr0', kind: 'bridge' }, true],
  ['a tunnel', { name: 'wg0', kind: 'wireguard' }, true],
  ['a tunnel that the kernel has of itself', { name: 'sit0', kind: 'sit', isDown: true }, false],
  ["the host's end of a container's interface", { name: 'cali1', kind: 'veth' }, true],
])('whether others may need that the host forwards: %s', (_, link, expected) => {
  expect(carriesForOthers(hostOf([{ name: 'lo' }, link]), new Set(['ours']))).toBe(expected);
});
