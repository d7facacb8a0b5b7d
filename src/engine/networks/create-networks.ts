// The implementation of networks: which parts there are, and how they hold together.
import { isDeepStrictEqual } from 'node:util';
import { failed, invalid, messageOf, notFound } from '../../lib/errors.ts';
import { type ContainerId, sha256 } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { driverNames } from '../../network/drivers/drivers.ts';
import { chooseBackend } from '../../network/firewall/backends.ts';
import { NamespacePool } from '../../network/namespace-pool.ts';
import { PortHolder } from '../../network/port-holder.ts';
import type { Plugins } from '../../plugins/plugins.ts';
import type {
  FirewallInfo,
  Network,
  NetworkConnectRequest,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkDisconnectRequest,
  NetworkSettings,
  PortMap,
} from '../../wire/types.ts';
import type { NetworkConfig } from '../config.ts';
import type { Events } from '../events/events.ts';
import type { StateDatabase } from '../state/database.ts';
import { AddressBook } from './address-book.ts';
import { connect, disconnect } from './connect.ts';
import type { NetworkContext } from './context.ts';
import { createNetwork } from './create-network.ts';
import { DefaultBridge } from './default-bridge.ts';
import { describeNetwork, type NetworkDescription, summarizeNetwork, usersOf } from './describe-network.ts';
import { checkEndpoint } from './endpoint-settings.ts';
import { findNetwork, noSuchNetwork, requireNetwork } from './find.ts';
import { filteredFamilies, HostSide } from './host-side.ts';
import { linkEnvironment } from './link-environment.ts';
import { linkedFrom, linkRules, parseLink, renamedLinks, requireLinkTargets } from './links.ts';
import { NameIndex } from './name-index.ts';
import { listFilter, pruneFilter } from './network-filters.ts';
import type { Filters, NetworkDirectory, NetworkRequest, Networks, NetworkUsers, Sandbox } from './networks.ts';
import { Claims } from './plugins/claims.ts';
import { PortProxies } from './proxies.ts';
import { reconcileNetworks } from './reconcile.ts';
import type { NetworkRecord, SandboxRecord } from './record.ts';
import { sandboxRecord } from './register.ts';
import { removeNetwork } from './remove-network.ts';
import { stopSandbox } from './sandbox-lifecycle.ts';
import { refreshHosts, resolvConf, startByMode } from './sandbox-modes.ts';
import { dnsNamesOf, startFailure } from './sandbox-start.ts';
import { networkSettings, portMap } from './settings.ts';
import { NetworkStore } from './store.ts';

export interface NetworkOptions {
  dataRoot: string;
  execRoot: string;
  database: StateDatabase;
  events: Events;
  config: NetworkConfig;
  users: NetworkUsers;
  plugins: Plugins;
}

/** Networks, and what the engine as a whole wants of them. */
export interface EngineNetworks extends Networks, NetworkDirectory {
  /** Names, for `docker info`. */
  readonly drivers: readonly string[];
  /** What filters and translates packets. */
  readonly firewall: FirewallInfo | undefined;
  close(): Promise<void>;
}

export function createNetworks(options: NetworkOptions): EngineNetworks {
  return new NetworksImplementation(options);
}

class NetworksImplementation implements EngineNetworks {
  readonly #context: NetworkContext;

  constructor({ dataRoot, execRoot, database, events, config, users, plugins }: NetworkOptions) {
    // What the kernel knows of an engine carries a name that no other engine of the host has.
    const engine = sha256(dataRoot).slice('sha256:'.length).slice(0, 8);
    const store = new NetworkStore(database);
    const addresses = new AddressBook(store);
    const backend = chooseBackend(config.firewallBackend, filteredFamilies(config));
    if (backend === 'iptables' && config.firewallBackend !== backend) {
      log.info('the kernel has no nf_tables: the rules of networks are made by iptables');
    }
    const host = new HostSide(engine, config, store, backend, execRoot);
    const names = new NameIndex(store);
    const ports = new PortHolder();
    store.onSandboxChange = () => names.changed();
    this.#context = {
      engine,
      config,
      users,
      events,
      store,
      addresses,
      host,
      plugins,
      claims: new Claims(database, plugins, ({ container, endpoint }) =>
        Object.values(store.sandbox(container)?.endpoints ?? {}).some(({ live }) => live?.id === endpoint),
      ),
      replays: new Map(),
      ports,
      proxies: new PortProxies(ports, config),
      namespacePool: new NamespacePool(),
      defaultBridge: new DefaultBridge(engine, dataRoot, config, store, addresses, host),
      names,
      nameServers: new Map(),
      namespaces: new Map(),
      namespaceDirectory: `${execRoot}/netns`,
    };
  }

  get firewall(): FirewallInfo | undefined {
    const { backend, owner } = this.#context.host;
    if (!backend) return undefined;
    return { Driver: backend, Info: [backend === 'nftables' ? ['Table', `inet ${owner}`] : ['Chains', `${owner}-*`]] };
  }

  get drivers(): readonly string[] {
    const { plugins, store } = this.#context;
    const used = [...store.networks].map(({ driver }) => driver);
    return [...new Set([...driverNames, ...used, ...plugins.known('NetworkDriver')])].sort();
  }

  register(request: NetworkRequest): void {
    const { store } = this.#context;
    const record = sandboxRecord(request, this.#defaultMode);
    requireLinkTargets(this.#context, record.links);
    for (const [name, endpoint] of Object.entries(record.endpoints)) {
      checkEndpoint(name, findNetwork(store, name), endpoint);
    }
    store.saveSandbox(record);
  }

  async start(container: ContainerId): Promise<Sandbox> {
    const record = this.#require(container);
    stopSandbox(this.#context, record);
    await this.#context.proxies.settled();
    try {
      const sandbox = await startByMode(this.#context, record);
      await this.#context.nameServers.get(container)?.ready;
      return sandbox;
    } catch (error) {
      stopSandbox(this.#context, record);
      throw startFailure(error);
    }
  }

  async stop(container: ContainerId): Promise<void> {
    const record = this.#context.store.sandbox(container);
    if (!record) return;
    stopSandbox(this.#context, record);
    await this.#context.host.released();
    await this.#context.claims.settle({ container });
  }

  unlink(container: ContainerId, alias: string): boolean {
    const record = this.#require(container);
    const rest = record.links.filter(text => parseLink(text).alias !== alias);
    if (rest.length === record.links.length) return false;
    const before = linkRules(this.#context, record);
    record.links = rest;
    this.#context.store.saveSandbox(record);
    const kept = linkRules(this.#context, record);
    this.#context.host.removeLinks(before.filter(rule => !kept.some(other => isDeepStrictEqual(rule, other))));
    this.#namesChanged(record);
    return true;
  }

  renamed(container: ContainerId, name: string): ReadonlyMap<ContainerId, string[]> {
    const record = this.#require(container);
    const moved = this.#moveLinks(record.name, name);
    record.name = name;
    for (const endpoint of Object.values(record.endpoints)) {
      if (endpoint.live?.dnsNames.length) endpoint.live.dnsNames = dnsNamesOf(record, endpoint);
    }
    this.#context.store.saveSandbox(record);
    return moved;
  }

  #moveLinks(before: string, after: string): Map<ContainerId, string[]> {
    const moved = new Map<ContainerId, string[]>();
    for (const sandbox of [...this.#context.store.sandboxes]) {
      const links = renamedLinks(sandbox.links, before, after);
      if (isDeepStrictEqual(links, sandbox.links)) continue;
      sandbox.links = links;
      for (const endpoint of Object.values(sandbox.endpoints)) {
        endpoint.links = renamedLinks(endpoint.links, before, after);
      }
      this.#context.store.saveSandbox(sandbox);
      moved.set(sandbox.container, links);
    }
    return moved;
  }

  async forget(container: ContainerId): Promise<void> {
    await this.stop(container);
    this.#context.store.deleteSandbox(container);
  }

  environment(container: ContainerId): string[] {
    const record = this.#context.store.sandbox(container);
    return record ? linkEnvironment(this.#context, record) : [];
  }

  settings(container: ContainerId): NetworkSettings {
    return networkSettings(this.#context, this.#context.store.sandbox(container));
  }

  ports(container: ContainerId): PortMap {
    return portMap(this.#context.store.sandbox(container));
  }

  async reconcile(running: ReadonlySet<ContainerId>): Promise<void> {
    reconcileNetworks(this.#context, running);
    // Where one of them is not ready, it is tried again; the log has been told.
    await Promise.allSettled([...running].map(container => this.#context.nameServers.get(container)?.ready));
    try {
      await this.#context.host.settled();
    } catch (error) {
      log.error('containers that run may not be reached', { error: messageOf(error) });
    }
  }

  /** What the container is to have from the host, it has. */
  async #settled(container: ContainerId): Promise<void> {
    await this.#context.host.settled();
    await this.#context.nameServers.get(container)?.ready;
  }

  async close(): Promise<void> {
    const { store, host, namespaces, nameServers, namespacePool, ports, proxies, claims } = this.#context;
    claims[Symbol.dispose]();
    for (const server of nameServers.values()) server[Symbol.dispose]();
    nameServers.clear();
    for (const namespace of namespaces.values()) namespace[Symbol.dispose]();
    namespaces.clear();
    proxies[Symbol.dispose]();
    ports[Symbol.dispose]();
    namespacePool[Symbol.dispose]();
    const used = new Set([...store.sandboxes].flatMap(sandbox => (sandbox.live ? [sandbox.container] : [])));
    try {
      await host.released();
      // What runs on must be reached on; without anything that runs, the host looks as if there were no engine.
      if (used.size === 0) {
        await host.takeDown([...store.networks]);
        host.stopForwarding();
      }
    } catch (error) {
      log.warn('could not take down the networks', { error: messageOf(error) });
    }
    host[Symbol.dispose]();
  }

  async create(request: NetworkCreateRequest): Promise<NetworkCreateResponse> {
    return { Id: (await createNetwork(this.#context, request)).id, Warning: '' };
  }

  async list(filters: Filters): Promise<Network[]> {
    const passes = listFilter(filters, network => this.#isUsed(network));
    this.#showDefaultBridge();
    return [...this.#context.store.networks].filter(passes).map(summarizeNetwork);
  }

  async inspect(reference: string, options: { verbose: boolean; scope: string }): Promise<NetworkDescription> {
    const network = requireNetwork(this.#context.store, reference);
    if (options.scope !== '' && options.scope !== network.scope) throw noSuchNetwork(reference);
    if (this.#context.defaultBridge.is(network)) this.#showDefaultBridge();
    return describeNetwork(this.#context, network, options);
  }

  async remove(reference: string): Promise<void> {
    await removeNetwork(this.#context, requireNetwork(this.#context.store, reference));
  }

  async prune(filters: Filters): Promise<{ NetworksDeleted: string[] }> {
    const passes = pruneFilter(filters, network => this.#isUsed(network));
    const NetworksDeleted: string[] = [];
    for (const network of [...this.#context.store.networks].filter(passes)) {
      try {
        await removeNetwork(this.#context, network);
        NetworksDeleted.push(network.name);
      } catch (error) {
        // The others are to go all the same.
        log.warn('could not remove a network', { network: network.name, error: messageOf(error) });
      }
    }
    this.#context.events.publish('network', 'prune', { ID: '', Attributes: { reclaimed: '0' } });
    return { NetworksDeleted };
  }

  async connect(reference: string, request: NetworkConnectRequest): Promise<void> {
    const sandbox = this.#containerNamed(request.Container);
    const hadNames = this.#context.nameServers.has(sandbox.container);
    await this.#context.proxies.settled();
    await connect(this.#context, sandbox, reference, request.EndpointConfig ?? {});
    await this.#settled(sandbox.container);
    this.#namesChanged(sandbox);
    if (!hadNames && this.#context.nameServers.has(sandbox.container)) {
      this.#context.users.resolvConfChanged(sandbox.container, resolvConf(this.#context, sandbox));
    }
  }

  async disconnect(reference: string, request: NetworkDisconnectRequest): Promise<void> {
    const sandbox = this.#containerNamed(request.Container);
    await disconnect(this.#context, sandbox, reference, { force: request.Force ?? false });
    await this.#context.host.released();
    this.#namesChanged(sandbox);
  }

  #containerNamed(reference = ''): SandboxRecord {
    if (reference === '') throw invalid('no container named: the field Container is empty');
    const id = this.#context.users.resolve(reference);
    const sandbox = id && this.#context.store.sandbox(id);
    if (!sandbox) throw notFound(`No such container: ${reference}`);
    return sandbox;
  }

  #namesChanged(sandbox: SandboxRecord): void {
    if (sandbox.live?.kind !== 'own') return;
    for (const known of [sandbox, ...linkedFrom(this.#context, sandbox)]) refreshHosts(this.#context, known);
  }

  /** By a container that runs, or by one that will need it when it starts again. */
  #isUsed(network: NetworkRecord): boolean {
    return usersOf(this.#context, network).length > 0;
  }

  /** Who looks at the default bridge is to see its subnet; where it can't be made, it has none. */
  #showDefaultBridge(): void {
    const { defaultBridge } = this.#context;
    const { record } = defaultBridge;
    if (!record) return;
    try {
      defaultBridge.ensure(record);
    } catch (error) {
      log.debug('the default bridge can not be made', { error: messageOf(error) });
    }
  }

  get #defaultMode(): string {
    return this.#context.config.bridge === 'none' ? 'none' : 'bridge';
  }

  #require(container: ContainerId): SandboxRecord {
    const record = this.#context.store.sandbox(container);
    if (!record) throw failed(`container ${container} has no network record`);
    return record;
  }
}
