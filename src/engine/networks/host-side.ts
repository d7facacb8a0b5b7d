// The host's part of networks: interfaces of the drivers and the firewall. Made when first needed, so that an engine whose
// containers need no bridge needs no rights and leaves no trace.
import { closeSync, openSync } from 'node:fs';
import { ConntrackSocket } from '../../kernel/conntrack.ts';
import { KernelError } from '../../kernel/libc.ts';
import { tryLock } from '../../kernel/lock.ts';
import { failed, messageOf, unavailable } from '../../lib/errors.ts';
import type { ContainerId, NetworkId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { addressBytes, addressFromBytes, type Family, type Prefix, requireAddress } from '../../network/addresses.ts';
import type { EndpointSpec, NetworkDriver } from '../../network/drivers/driver.ts';
import { driverNamed } from '../../network/drivers/drivers.ts';
import { findLink, hostLinks, readSysctl } from '../../network/drivers/host-kernel.ts';
import { type FirewallBackend, openFirewall } from '../../network/firewall/backends.ts';
import type {
  Firewall,
  FirewallLink,
  FirewallNetwork,
  FirewallPort,
  FirewallSender,
} from '../../network/firewall/firewall.ts';
import { carriesForOthers, hostLinksOf } from '../../network/firewall/others/surroundings.ts';
import { LinkSweeper } from '../../network/link-sweeper.ts';
import { type SandboxNamespace, writeSysctl } from '../../network/sandbox.ts';
import type { NetworkConfig } from '../config.ts';
import type { NetworkRecord } from './record.ts';
import type { NetworkStore } from './store.ts';

/** Engines of one host take turns when they look for a free subnet. */
const SUBNETS_LOCK = '/run/dockyard-subnets.lock';
const LOCK_ATTEMPTS = 500;

export class HostSide implements Disposable {
  readonly #ensured = new Set<NetworkId>();
  readonly #sweeper = new LinkSweeper();
  #firewall: Firewall | undefined;
  /** Families in which rules that were taken away had kept the host from routing for strangers: it still forwards. */
  #closed: ReadonlySet<Family> = new Set();
  /** Ports that lead elsewhere since a moment. */
  readonly #moved: FirewallPort[] = [];
  /** What the firewall knows of each container. */
  readonly #senders = new Map<ContainerId, readonly FirewallSender[]>();

  constructor(
    /** Of the engine, for what must not collide with another engine's. */
    private readonly engine: string,
    private readonly config: NetworkConfig,
    private readonly store: NetworkStore,
    /** What packets are filtered with; undefined where nothing can. */
    readonly backend: FirewallBackend | undefined,
    private readonly execRoot: string,
  ) {}

  driver(network: Pick<NetworkRecord, 'driver'>): NetworkDriver {
    return driverNamed(network.driver);
  }

  isReady(network: NetworkRecord): boolean {
    return this.#ensured.has(network.id);
  }

  /** The network can carry containers now. */
  ensure(network: NetworkRecord): void {
    if (this.#ensured.has(network.id)) {
      this.#makeAgainIfGone(network);
      return;
    }
    explained(network, () => {
      const driver = this.driver(network);
      driver.ensure(network, this.owner);
      const rules = this.#rulesOf(network);
      if (rules) {
        if (network.enableIPv4 || network.enableIPv6) this.#forwardPackets(network);
        this.#openFirewall()?.addNetwork(rules);
      }
    });
    this.#ensured.add(network.id);
  }

  remove(network: NetworkRecord): void {
    const rules = this.#rulesOf(network);
    explained(network, () => {
      if (this.#ensured.delete(network.id) && rules) this.#firewall?.removeNetwork(rules);
      const others = [...this.store.networks].filter(other => other.id !== network.id);
      this.driver(network).remove(network, others);
    });
  }

  /** After a restart of the engine: whatever the kernel has from before, it has now what these are to have. */
  restore(
    networks: readonly NetworkRecord[],
    {
      ports,
      links,
      senders,
    }: {
      ports: readonly FirewallPort[];
      links: readonly FirewallLink[];
      senders: ReadonlyMap<ContainerId, readonly FirewallSender[]>;
    },
  ): void {
    const restored: FirewallNetwork[] = [];
    for (const network of networks) {
      try {
        explained(network, () => this.driver(network).ensure(network, this.owner));
        const rules = this.#rulesOf(network);
        if (rules) {
          this.#forwardPackets(network);
          restored.push(rules);
        }
        this.#ensured.add(network.id);
      } catch (error) {
        // One network that can't be made must not keep the others, and the engine, from working.
        log.error('could not restore a network', { network: network.name, error: messageOf(error) });
      }
    }
    if (restored.length === 0) return;
    for (const [container, own] of senders) this.#senders.set(container, own);
    const all = [...senders.values()].flat();
    this.#openFirewall()?.reset({ networks: restored, ports, links, senders: all });
  }

  /** Nothing of the endpoint is heard any more. */
  silence(network: NetworkRecord, endpoint: EndpointSpec, namespace: SandboxNamespace | undefined): void {
    if (network.driver === 'null' || network.driver === 'host') return;
    this.driver(network).silence(network, endpoint, this.owner, namespace);
    if (endpoint.hostInterface) this.#sweeper.add(endpoint.hostInterface);
  }

  /** A living container loses an interface. */
  detach(network: NetworkRecord, endpoint: EndpointSpec, namespace: SandboxNamespace): void {
    this.driver(network)
      .detach(endpoint, namespace)
      .catch(error => log.warn('could not remove an interface', { network: network.name, error: messageOf(error) }));
  }

  addPorts(ports: readonly FirewallPort[]): void {
    if (ports.length === 0) return;
    this.#firewall?.addPorts(ports.filter(port => this.#filters(port)));
    this.#moved.push(...ports);
  }

  removePorts(ports: readonly FirewallPort[]): void {
    if (ports.length === 0) return;
    this.#firewall?.removePorts(ports.filter(port => this.#filters(port)));
    this.#moved.push(...ports);
  }

  addLinks(links: readonly FirewallLink[]): void {
    if (links.length > 0) this.#firewall?.addLinks(links);
  }

  removeLinks(links: readonly FirewallLink[]): void {
    if (links.length > 0) this.#firewall?.removeLinks(links);
  }

  /** By which bridges the container is heard with which addresses, beyond those that lead to it. */
  setSenders(container: ContainerId, senders: readonly FirewallSender[]): void {
    const before = this.#senders.get(container) ?? [];
    const has = (list: readonly FirewallSender[]) => {
      return ({ address, bridge }: FirewallSender) =>
        list.some(other => other.address === address && other.bridge === bridge);
    };
    const [left, come] = [
      before.filter(sender => !has(senders)(sender)),
      senders.filter(sender => !has(before)(sender)),
    ];
    if (left.length > 0) this.#firewall?.removeSenders(left);
    if (come.length > 0) this.#firewall?.addSenders(come);
    if (senders.length > 0) this.#senders.set(container, senders);
    else this.#senders.delete(container);
  }

  /** When the host's firewalls let through what they must, and nothing else; undefined when there is nothing to wait for. */
  settled(): Promise<void> | undefined {
    const work = this.#firewall?.settled();
    // Flows are forgotten once the rules are there: the next packet would find the way that was.
    const forget = () => this.#forgetFlows(this.#moved.splice(0));
    if (work) return work.then(forget);
    forget();
    return undefined;
  }

  /** For those who give back: rules that could not be taken away are tried again with the next change. */
  async released(): Promise<void> {
    try {
      await this.settled();
    } catch {
      // The firewall has told the log.
    }
  }

  /** Interfaces and rules go; the records stay, and the next start makes everything again. Resolves when all is gone. */
  takeDown(networks: readonly NetworkRecord[]): Promise<void> | undefined {
    // Also those that only an earlier run of the engine made.
    const made = networks.filter(({ driver, configOnly, ipam }) => {
      return !configOnly && driver !== 'null' && driver !== 'host' && ipam.pools.length > 0;
    });
    for (const network of made) this.driver(network).remove(network, []);
    // Rules outlive the last network that had any, and a run that crashed.
    if (this.#firewall || networks.some(({ driver }) => driver === 'bridge')) {
      this.#firewall ??= this.#newFirewall();
      this.#closed = this.#closed.union(this.#firewall?.remove() ?? new Set());
    }
    const settled = this.settled();
    this[Symbol.dispose]();
    return settled;
  }

  /** After all is taken down. Where we had the host forward, and only for our containers, it does so no longer. */
  stopForwarding(): void {
    if (this.#closed.size === 0) return;
    const own = new Set([...this.store.networks].map(network => network.interfaceName));
    if (carriesForOthers(hostLinksOf(hostLinks()), own)) {
      log.warn('the host goes on forwarding, as others may need it: the rules that kept it to containers are gone');
      return;
    }
    if (this.#closed.has(4)) writeSysctl('net/ipv4/ip_forward', '0');
    if (this.#closed.has(6)) writeSysctl('net/ipv6/conf/all/forwarding', '0');
    this.#closed = new Set();
  }

  /** What the host reaches already; a subnet chosen by us must not hide it. */
  reservedSubnets(): Prefix[] {
    const own = new Set<number>();
    const names = new Set([...this.store.networks].map(network => network.interfaceName));
    for (const link of hostLinks().links()) if (names.has(link.name)) own.add(link.index);
    return hostLinks()
      .routes()
      .flatMap(({ destination, link }) => {
        if (!destination || destination.bits === 0 || (link !== undefined && own.has(link))) return [];
        return [{ ...addressFromBytes(destination.bytes), bits: destination.bits }];
      });
  }

  /** Nobody else on this host chooses a subnet meanwhile; `work` must make it visible before it returns. */
  whileChoosing<T>(work: () => T): T {
    const fd = openSync(SUBNETS_LOCK, 'a', 0o600);
    try {
      for (let attempt = 0; !tryLock(fd); attempt++) {
        if (attempt === LOCK_ATTEMPTS) throw unavailable(`another engine holds ${SUBNETS_LOCK}`);
        Bun.sleepSync(2);
      }
      return work();
    } finally {
      closeSync(fd);
    }
  }

  [Symbol.dispose](): void {
    this.#sweeper[Symbol.dispose]();
    this.#firewall?.[Symbol.dispose]();
    this.#firewall = undefined;
    this.#ensured.clear();
    this.#senders.clear();
  }

  /** What the kernel's objects of this engine are known by. */
  get owner(): string {
    return `dockyard-${this.engine}`;
  }

  /** Somebody may have deleted the interface since. */
  #makeAgainIfGone(network: NetworkRecord): void {
    const { interfaceName } = network;
    if (interfaceName === '' || findLink(interfaceName)) return;
    explained(network, () => this.driver(network).ensure(network, this.owner));
    log.warn(
      'somebody deleted the interface of a network: it is made again, but containers that run have to be restarted',
      { network: network.name, interface: interfaceName },
    );
  }

  #filters(port: FirewallPort): boolean {
    return port.containerAddress.includes(':') ? this.config.ip6tables : this.config.iptables;
  }

  /** A sender of datagrams that never pauses would go on to where the port led before. */
  #forgetFlows(ports: readonly FirewallPort[]): void {
    const datagrams = ports.filter(({ protocol, hostPort }) => protocol === 'udp' && hostPort > 0);
    if (datagrams.length === 0) return;
    try {
      using flows = new ConntrackSocket();
      for (const { hostAddress, hostPort } of datagrams) {
        const { family, value } = requireAddress(hostAddress);
        const address = value === 0n ? undefined : addressBytes({ family, value });
        flows.forgetUdp({ family, address, port: hostPort });
      }
    } catch (error) {
      log.warn('could not make the kernel forget old flows of published ports', { error: messageOf(error) });
    }
  }

  #rulesOf(network: NetworkRecord): FirewallNetwork | undefined {
    const rules = this.driver(network).firewall(network);
    if (!rules) return undefined;
    return {
      ...rules,
      ipv4: this.config.iptables ? rules.ipv4 : undefined,
      ipv6: this.config.ip6tables ? rules.ipv6 : undefined,
    };
  }

  #newFirewall(): Firewall | undefined {
    const families = filteredFamilies(this.config);
    const { backend, owner, execRoot } = this;
    if (families.length === 0 || !backend) return undefined;
    const { allowDirectRouting } = this.config;
    return openFirewall({ backend, owner, families, allowDirectRouting, note: `${execRoot}/firewall` });
  }

  #openFirewall(): Firewall | undefined {
    if (this.#firewall) return this.#firewall;
    const firewall = this.#newFirewall();
    if (!firewall) return undefined;
    try {
      firewall.reset({ networks: [], ports: [], links: [], senders: [] });
      for (const family of this.#closed) firewall.dropForwarded(family);
    } catch (error) {
      firewall[Symbol.dispose]();
      throw error;
    }
    this.#firewall = firewall;
    return firewall;
  }

  #forwardPackets(network: NetworkRecord): void {
    if (!this.config.ipForward || network.internal) return;
    if (network.enableIPv4 && readSysctl('net/ipv4/ip_forward') === '0') {
      this.#dropStrangers(4);
      writeSysctl('net/ipv4/ip_forward', '1');
    }
    if (!network.enableIPv6) return;
    for (const scope of ['default', 'all']) {
      const name = `net/ipv6/conf/${scope}/forwarding`;
      if (readSysctl(name) !== '0') continue;
      this.#dropStrangers(6);
      writeSysctl(name, '1');
    }
  }

  #dropStrangers(family: Family): void {
    const filters = family === 4 ? this.config.iptables : this.config.ip6tables;
    if (filters && !this.config.ipForwardNoDrop) this.#openFirewall()?.dropForwarded(family);
  }
}

/** Those that there are to be rules for. */
export const filteredFamilies = ({ iptables, ip6tables }: NetworkConfig): Family[] => [
  ...(iptables ? [4 as const] : []),
  ...(ip6tables ? [6 as const] : []),
];

/** A refusal of the kernel is told in terms of what the user can do about it. */
function explained<T>(network: NetworkRecord, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const reason = reasonOf(error);
    throw failed(`could not set up network ${network.name}: ${reason}`, error);
  }
}

function reasonOf(error: KernelError): string {
  if (error.code === 'EPERM') return `the engine is not allowed to change networks (CAP_NET_ADMIN): ${error.message}`;
  if (error.code === 'EOPNOTSUPP') return `the kernel has no interfaces of this kind: ${error.message}`;
  return error.message;
}
