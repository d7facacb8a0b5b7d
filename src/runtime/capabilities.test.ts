import { expect, test } from 'bun:test';
import {
  allCapabilities,
  capabilitiesOfMask,
  containerCapabilities,
  defaultCapabilities,
  validateCapabilities,
} from './capabilities.ts';

const held = allCapabilities.filter(name => name !== 'CAP_SYS_RESOURCE');
const make = (add: string[], drop: string[], privileged = false) =>
  containerCapabilities({ add, drop, privileged }, held);

test('a mask names its bits', () => {
  expect(capabilitiesOfMask('00000000a80425fb').toSorted()).toEqual([...defaultCapabilities].sort());
  expect(capabilitiesOfMask('000001fffeffffff')).toEqual(held);
});

test('without wishes a container gets the fourteen', () => {
  expect(make([], [])).toEqual([...defaultCapabilities]);
});

test('names come in any case, with and without prefix', () => {
  expect(make(['net_admin', 'CAP_SYS_PTRACE'], ['Chown'])).toEqual([
    ...defaultCapabilities.filter(name => name !== 'CAP_CHOWN'),
    'CAP_NET_ADMIN',
    'CAP_SYS_PTRACE',
  ]);
});

test('ALL adds what the engine holds, and dropping ALL leaves what is added', () => {
  expect(make(['all'], ['SYS_ADMIN'])).toEqual(held.filter(name => name !== 'CAP_SYS_ADMIN'));
  expect(make(['net_bind_service'], ['ALL'])).toEqual(['CAP_NET_BIND_SERVICE']);
  expect(make([], ['ALL'])).toEqual([]);
});

test('privileged is all that the engine holds, whatever else is asked for', () => {
  expect(make([], ['ALL'], true)).toEqual(held);
});

test('what nobody has cannot be given', () => {
  expect(() => make(['SYS_RESOURCE'], [])).toThrow(
    'capability not supported by your kernel or not available in the current environment: "CAP_SYS_RESOURCE"',
  );
  expect(() => validateCapabilities(['frob'], [], held)).toThrow('invalid CapAdd: unknown capability: "CAP_FROB"');
  expect(() => validateCapabilities([], ['frob'], held)).toThrow('invalid CapDrop: unknown capability: "CAP_FROB"');
});
