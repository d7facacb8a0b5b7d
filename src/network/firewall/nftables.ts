// The rules as one table of nf_tables. It is made anew from the state at each start, in one transaction, and
// changed by elements after that. Other tables are left alone, but for rules of ours in chains that would drop our packets.

import type { SetElement } from '../../kernel/nftables/set.ts';
import { NftSocket } from '../../kernel/nftables/socket.ts';
import { Transaction } from '../../kernel/nftables/transaction.ts';
import { errnoOf } from '../../lib/errors.ts';
import { addressBytes, type Family, requireAddress } from '../addresses.ts';
import type {
  Firewall,
  FirewallFamily,
  FirewallLink,
  FirewallNetwork,
  FirewallOptions,
  FirewallPort,
  FirewallSender,
  FirewallState,
} from './firewall.ts';
import {
  addErrorRules,
  addRules,
  addStrangersChain,
  FAMILY,
  familyByte,
  interfaceName,
  NEVER_EMPTY,
  SETS,
  type SetName,
} from './nftables-rules.ts';
import { OtherFirewalls } from './others/other-firewalls.ts';
import { tableOfOwn } from './others/own-place.ts';

const FAMILIES = [4, 6] as const;
const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;

type Elements = Map<SetName, SetElement[]>;

export class NftablesFirewall implements Firewall {
  readonly #socket = new NftSocket();
  /** Several host ports may lead to one container port, which closes with the last of them. */
  readonly #published = new Map<string, number>();
  readonly #others: OtherFirewalls;
  /** All that the table is to hold: somebody may flush the rules of the whole host, as restarting a firewall does. */
  readonly #networks = new Map<string, FirewallNetwork>();
  readonly #ports = new Map<string, FirewallPort>();
  readonly #links = new Map<string, FirewallLink>();
  readonly #senders = new Map<string, FirewallSender>();
  /** Bridges of somebody else's containers. */
  #guests: readonly string[] = [];
  /** Families in which strangers are not routed for. */
  #closed: ReadonlySet<Family> = new Set();

  constructor(private readonly options: FirewallOptions) {
    this.#others = new OtherFirewalls({
      socket: this.#socket,
      owner: options.owner,
      place: tableOfOwn(options.owner),
      rulesChanged: () => this.#rebuildIfGone(),
      look: () => undefined,
      surroundingsChanged: ({ guests }) => this.#setGuests(guests),
    });
  }

  reset(state: FirewallState): void {
    this.#closed = this.#closedBefore();
    for (const map of [this.#networks, this.#ports, this.#links, this.#senders]) map.clear();
    for (const network of state.networks) this.#networks.set(network.bridge, network);
    for (const port of state.ports) this.#ports.set(keyOf(port), port);
    for (const link of state.links) this.#links.set(keyOf(link), link);
    for (const sender of state.senders) this.#senders.set(keyOf(sender), sender);
    this.#rebuild();
  }

  dropForwarded(family: Family): void {
    if (this.#closed.has(family)) return;
    this.#closed = new Set([...this.#closed, family]);
    const transaction = new Transaction();
    addStrangersChain(transaction, this.options.owner, 'drop');
    this.#change(transaction, new Map([['strangers', [{ key: strangerKey(family) }]]]), 'delete');
  }

  addNetwork(network: FirewallNetwork): void {
    this.#networks.set(network.bridge, network);
    this.#changeNetwork(network, 'add');
    this.#others.accept(this.#networks.keys());
  }

  removeNetwork(network: FirewallNetwork): void {
    this.#networks.delete(network.bridge);
    this.#changeNetwork(network, 'delete');
    this.#others.accept(this.#networks.keys());
  }

  addPorts(ports: readonly FirewallPort[]): void {
    this.#changeEach(this.#ports, ports, 'add', this.#putPort);
  }

  removePorts(ports: readonly FirewallPort[]): void {
    this.#changeEach(this.#ports, ports, 'delete', this.#putPort);
  }

  addLinks(links: readonly FirewallLink[]): void {
    this.#changeEach(this.#links, links, 'add', linkElements);
  }

  removeLinks(links: readonly FirewallLink[]): void {
    this.#changeEach(this.#links, links, 'delete', linkElements);
  }

  addSenders(senders: readonly FirewallSender[]): void {
    this.#changeEach(this.#senders, senders, 'add', senderElements);
  }

  removeSenders(senders: readonly FirewallSender[]): void {
    this.#changeEach(this.#senders, senders, 'delete', senderElements);
  }

  settled(): Promise<void> | undefined {
    this.#others.check();
    return this.#others.settled;
  }

  remove(): ReadonlySet<Family> {
    const { owner: table } = this.options;
    const closed = this.#closedBefore();
    this.#others.remove();
    this.#others[Symbol.dispose]();
    this.#socket.commit(new Transaction().addTable(FAMILY, table).deleteTable(FAMILY, table));
    return closed;
  }

  [Symbol.dispose](): void {
    this.#others[Symbol.dispose]();
    this.#socket[Symbol.dispose]();
  }

  #rebuild(): void {
    const { owner: table } = this.options;
    // Adding what is there already does nothing, so that deleting it always works.
    const transaction = new Transaction().addTable(FAMILY, table).deleteTable(FAMILY, table);
    addRules(transaction, table, this.#closed.size > 0 ? 'drop' : 'accept');
    this.#published.clear();
    const elements: Elements = new Map();
    for (const family of FAMILIES) {
      if (!this.#closed.has(family)) put(elements, 'strangers', { key: strangerKey(family) });
    }
    for (const guest of this.#guests) put(elements, 'guests', { key: interfaceName(guest) });
    for (const network of this.#networks.values()) this.#networkElements(network, elements);
    for (const port of this.#ports.values()) this.#putPort(port, elements, 'add');
    for (const link of this.#links.values()) linkElements(link, elements);
    for (const sender of this.#senders.values()) senderElements(sender, elements);
    addElements(transaction, table, elements, 'add');
    addErrorRules(transaction, table, this.#networks.values());
    this.#socket.commit(transaction);
    this.#others.accept(this.#networks.keys());
  }

  #changeNetwork(network: FirewallNetwork, action: 'add' | 'delete'): void {
    const elements: Elements = new Map();
    this.#networkElements(network, elements);
    const transaction = new Transaction();
    addErrorRules(transaction, this.options.owner, this.#networks.values());
    this.#change(transaction, elements, action);
  }

  #setGuests(guests: readonly string[]): void {
    if (guests.join() === this.#guests.join()) return;
    this.#guests = guests;
    const transaction = new Transaction().flushSet(FAMILY, this.options.owner, SETS.guests.name);
    this.#change(transaction, new Map([['guests', guests.map(name => ({ key: interfaceName(name) }))]]), 'add');
  }

  /** The table, or the rules of some chain: sets outlive those. */
  #rebuildIfGone(): void {
    const { owner: table } = this.options;
    if (NEVER_EMPTY.some(chain => this.#socket.ruleCount(FAMILY, table, chain) === 0)) this.#rebuild();
  }

  /** What an earlier run of the engine has decided. */
  #closedBefore(): ReadonlySet<Family> {
    const { owner: table } = this.options;
    const isClosed = this.#socket
      .baseChains()
      .some(chain => chain.table === table && chain.hook === 'forward' && chain.policy === 'drop');
    if (!isClosed) return new Set();
    try {
      const open = this.#socket.keys(FAMILY, table, SETS.strangers.name);
      return new Set(FAMILIES.filter(family => !open.some(key => key[0] === strangerKey(family)[0])));
    } catch (error) {
      // A table of an earlier version had none of it.
      if (errnoOf(error) !== 'ENOENT') throw error;
      return new Set(FAMILIES);
    }
  }

  #changeEach<T extends FirewallPort | FirewallLink | FirewallSender>(
    known: Map<string, T>,
    values: readonly T[],
    action: 'add' | 'delete',
    putElements: (value: T, elements: Elements, action: 'add' | 'delete') => void,
  ): void {
    const elements: Elements = new Map();
    for (const value of values) {
      if (action === 'add') known.set(keyOf(value), value);
      else known.delete(keyOf(value));
      putElements(value, elements, action);
    }
    this.#change(new Transaction(), elements, action);
  }

  /** What is to be is noted already: where the table is not what it was, it is made anew from that. */
  #change(transaction: Transaction, elements: Elements, action: 'add' | 'delete'): void {
    addElements(transaction, this.options.owner, elements, action);
    try {
      this.#socket.commit(transaction);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      this.#rebuild();
    }
  }

  #networkElements(network: FirewallNetwork, elements: Elements): void {
    const name = interfaceName(network.bridge);
    const pair = Buffer.concat([name, name]);
    put(elements, 'bridges', { key: name });
    put(elements, 'sameBridge', { key: pair });
    put(elements, 'trusted', { key: pair });
    put(elements, 'icc', { key: pair, data: network.icc ? 'accept' : 'drop' });
    if (network.internal) put(elements, 'internal', { key: name });
    if (network.isShared) put(elements, 'shared', { key: name });
    for (const trusted of network.trustedInterfaces) {
      put(elements, 'trusted', { key: Buffer.concat([interfaceName(trusted), name]) });
    }
    if (network.ipv4?.hasAddress) put(elements, 'addressed', { key: Buffer.concat([familyByte(4), name]) });
    if (network.ipv6?.hasAddress) put(elements, 'addressed', { key: Buffer.concat([familyByte(6), name]) });
    if (network.internal) return;
    if (network.ipv4) this.#familyElements(name, 4, network.ipv4, elements);
    if (network.ipv6) this.#familyElements(name, 6, network.ipv6, elements);
  }

  #familyElements(name: Buffer, family: Family, rules: FirewallFamily, elements: Elements): void {
    const key = Buffer.concat([familyByte(family), name]);
    const { mode } = rules;
    put(elements, 'into', { key, data: mode === 'nat-unprotected' ? 'accept' : 'drop' });
    if (mode === 'routed') put(elements, 'routed', { key });
    if (mode === 'nat' && !this.options.allowDirectRouting) put(elements, 'protected', { key });
    if (mode !== 'nat' && mode !== 'nat-unprotected') return;
    if (!rules.masquerade) return;
    if (rules.sourceAddress) {
      const data = addressBytes(requireAddress(rules.sourceAddress));
      put(elements, family === 4 ? 'source4' : 'source6', { key: name, data });
    } else {
      put(elements, 'masquerade', { key });
    }
  }

  readonly #putPort = (port: FirewallPort, elements: Elements, action: 'add' | 'delete'): void => {
    const container = requireAddress(port.containerAddress);
    const host = requireAddress(port.hostAddress);
    const is4 = container.family === 4;
    const protocol = Buffer.from([PROTOCOLS[port.protocol], 0, 0, 0]);
    const open = Buffer.concat([addressBytes(container), protocol, portBytes(port.containerPort)]);
    if (this.#count(open.toString('hex'), action)) put(elements, is4 ? 'published4' : 'published6', { key: open });
    // Between families there is no translation: that is the proxy's work.
    if (port.hostPort === 0 || host.family !== container.family) return;
    const service = Buffer.concat([protocol, portBytes(port.hostPort)]);
    const data = Buffer.concat([addressBytes(container), portBytes(port.containerPort)]);
    if (host.value === 0n) put(elements, is4 ? 'anyPorts4' : 'anyPorts6', { key: service, data });
    else put(elements, is4 ? 'ports4' : 'ports6', { key: Buffer.concat([addressBytes(host), service]), data });
  };

  /** Whether this was the first to come or the last to go. */
  #count(key: string, action: 'add' | 'delete'): boolean {
    const before = this.#published.get(key) ?? 0;
    const after = action === 'add' ? before + 1 : Math.max(0, before - 1);
    if (after === 0) this.#published.delete(key);
    else this.#published.set(key, after);
    return action === 'add' ? before === 0 : after === 0 && before > 0;
  }
}

const keyOf = (value: FirewallPort | FirewallLink | FirewallSender) => JSON.stringify(identity(value));

/** A port may come with more than what it is known by here. */
function identity(value: FirewallPort | FirewallLink | FirewallSender): unknown[] {
  if ('bridge' in value) return [value.address, value.bridge];
  if ('from' in value) return [value.from, value.to, value.protocol, value.port];
  const { protocol, containerAddress, containerPort, hostAddress, hostPort } = value;
  return [protocol, containerAddress, containerPort, hostAddress, hostPort];
}

function addElements(transaction: Transaction, table: string, elements: Elements, action: 'add' | 'delete'): void {
  for (const [set, list] of elements) {
    if (action === 'add') transaction.addElements(FAMILY, table, SETS[set].name, list);
    else transaction.deleteElements(FAMILY, table, SETS[set].name, list);
  }
}

const strangerKey = (family: Family) => familyByte(family).subarray(0, 1);

function linkElements(link: FirewallLink, elements: Elements): void {
  const protocol = Buffer.from([PROTOCOLS[link.protocol], 0, 0, 0]);
  const key = Buffer.concat([
    addressBytes(requireAddress(link.from)),
    addressBytes(requireAddress(link.to)),
    protocol,
    portBytes(link.port),
  ]);
  put(elements, 'links4', { key });
}

function senderElements({ address, bridge }: FirewallSender, elements: Elements): void {
  const { family, value } = requireAddress(address);
  const key = Buffer.concat([addressBytes({ family, value }), interfaceName(bridge)]);
  put(elements, family === 4 ? 'senders4' : 'senders6', { key });
}

function put(elements: Elements, set: SetName, element: SetElement): void {
  const list = elements.get(set);
  if (list) list.push(element);
  else elements.set(set, [element]);
}

function portBytes(port: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16BE(port, 0);
  return bytes;
}
