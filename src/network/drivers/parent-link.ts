// macvlan and ipvlan hang containers on an interface of the host: one that exists, a VLAN of one that exists ("eth0.10"),
// or a dummy that leads nowhere.
import { KernelError } from '../../kernel/libc.ts';
import type { NetlinkMessage } from '../../kernel/netlink.ts';
import { message } from '../../kernel/rtnetlink/message.ts';
import { failed, invalid } from '../../lib/errors.ts';
import type { NetworkInterface, NetworkSpec } from './driver.ts';
import { findLink, hostLinks, isGone, isThere } from './host-kernel.ts';
import { OPTION } from './options.ts';

const dummyName = (id: string) => `dm-${id.slice(0, 12)}`;

export function planParent(
  network: Pick<NetworkSpec, 'id' | 'options'>,
  driver: string,
  others: readonly NetworkSpec[],
): NetworkInterface {
  const parent = network.options[OPTION.parent] ?? '';
  if (parent === '') return { interfaceName: dummyName(network.id), ownsInterface: true };
  if (parent === 'lo') throw failed(`loopback interface is not a valid ${driver} parent link`);
  if (findLink(parent)) {
    const ownsInterface = others.some(other => other.interfaceName === parent && other.ownsInterface);
    return { interfaceName: parent, ownsInterface };
  }
  parseVlan(parent);
  return { interfaceName: parent, ownsInterface: true };
}

export function ensureParent(network: NetworkSpec, owner: string): void {
  const { interfaceName: name } = network;
  const exists = findLink(name) !== undefined;
  if (!network.ownsInterface) {
    if (exists) return;
    throw failed(`the requested parent interface ${name} was not found on the host`);
  }
  if (!exists) makeParent(network);
  // Again, too: a crash may have come between.
  hostLinks().send(message.setLink(name, { up: true, alias: owner }));
}

function makeParent(network: NetworkSpec): void {
  const { interfaceName: name } = network;
  try {
    if (name === dummyName(network.id)) {
      hostLinks().send(message.newLink({ kind: 'dummy', name }));
    } else {
      const { parent, id } = parseVlan(name);
      hostLinks().send(message.newLink({ kind: 'vlan', name, parent, id }));
    }
  } catch (error) {
    if (!isThere(error)) throw error;
    if (!findLink(name)) throw failed(`cannot make ${name}: another interface of the host is that VLAN already`, error);
  }
}

/** Makes an interface of a container on the network's interface. */
export function linkToParent(network: NetworkSpec, newLink: (parent: number) => NetlinkMessage): void {
  const { interfaceName: name } = network;
  const parent = findLink(name);
  if (!parent) throw failed(`the requested parent interface ${name} was not found on the host`);
  try {
    hostLinks().send(newLink(parent.index));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.code === 'EBUSY') {
      const who = 'containers of macvlan and of ipvlan exclude each other there, and a bridge or bond excludes both';
      throw failed(`the parent interface ${name} is in use: ${who}`, error);
    }
    if (error.code === 'EINVAL' && network.options[OPTION.macvlanMode] === 'passthru') {
      throw failed(`the parent interface ${name} belongs to one container alone in mode passthru, and has one`, error);
    }
    throw error;
  }
}

export function removeParent(network: NetworkSpec, others: readonly NetworkSpec[]): void {
  if (!network.ownsInterface || others.some(other => other.interfaceName === network.interfaceName)) return;
  try {
    hostLinks().send(message.deleteLink(network.interfaceName));
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function parseVlan(name: string): { parent: number; id: number } {
  const match = /^(.+)\.(\d+)$/.exec(name);
  if (!match) throw invalid(`invalid subinterface vlan name ${name}, example formatting is eth0.10`);
  const id = Number(match[2]);
  if (id < 1 || id > 4094) throw invalid(`vlan id must be between 1-4094, received: ${id}`);
  const parent = findLink(match[1]!);
  if (!parent) throw failed(`-o parent interface was not found on the host: ${match[1]}`);
  return { parent: parent.index, id };
}
