// The implementation of networks: which parts there are, and how they hold together.
import { conflict, failed, notBuilt } from '../../lib/errors.ts';
import { type ContainerId, newNetworkId } from '../../lib/ids.ts';
import { driverNames } from '../../network/drivers/drivers.ts';
import { hostResolvConf, plainResolvConf } from '../../network/resolv-conf.ts';
import type { EndpointSettings, NetworkSettings, PortMap } from '../../wire/types.ts';
import type { NetworkConfig } from '../config.ts';
import type { Events } from '../events/events.ts';
import type { StateDatabase } from '../state/database.ts';
import { hostFileEntries } from './hosts-file.ts';
import type { HostsEntry, NetworkRequest, Networks, NetworkUsers, Sandbox } from './networks.ts';
import type { EndpointRecord, SandboxRecord } from './record.ts';
import { isContainerMode, sandboxRecord } from './register.ts';
import { NetworkStore } from './store.ts';

export interface NetworkOptions {
  dataRoot: string;
  execRoot: string;
  database: StateDatabase;
  events: Events;
  config: NetworkConfig;
  users: NetworkUsers;
}

/** Networks, and what the engine as a whole wants of them. */
export interface EngineNetworks extends Networks {
  /** Names, for `docker info`. */
  readonly drivers: readonly string[];
  /** What filters and translates packets. */
  readonly firewall: string;
  close(): Promise<void>;
}

export function createNetworks(options: NetworkOptions): EngineNetworks {
  return new NetworksImplementation(options);
}

class NetworksImplementation implements EngineNetworks {
  readonly drivers = driverNames;
  readonly firewall = 'nftables';
  readonly #store: NetworkStore;
  readonly #hostsListeners = new Map<ContainerId, (entries: readonly HostsEntry[]) => void>();

  constructor(private readonly options: NetworkOptions) {
    this.#store = new NetworkStore(options.database);
    this.#addPredefined('none', 'null');
    this.#addPredefined('host', 'host');
  }

  register(request: NetworkRequest): void {
    this.#store.saveSandbox(sandboxRecord(request, this.#defaultMode));
  }

  async start(
    container: ContainerId,
    options: { hostsChanged(entries: readonly HostsEntry[]): void },
  ): Promise<Sandbox> {
    const record = this.#require(container);
    this.#hostsListeners.set(container, options.hostsChanged);
    if (isContainerMode(record.mode)) return this.#join(record);
    if (record.mode === 'host') {
      this.#makeLive(record, { kind: 'host' });
      return {
        namespace: { kind: 'host' },
        hosts: hostFileEntries(),
        resolvConf: hostResolvConf(this.#resolvOverrides(record)).content,
      };
    }
    if (record.mode === 'none') {
      this.#makeLive(record, { kind: 'new' });
      return {
        namespace: { kind: 'new' },
        hosts: [],
        resolvConf: plainResolvConf(this.#resolvOverrides(record), false).content,
      };
    }
    throw notBuilt(`network mode ${record.mode} is not built yet`);
  }

  async stop(container: ContainerId): Promise<void> {
    this.#hostsListeners.delete(container);
    const record = this.#store.sandbox(container);
    if (!record?.live) return;
    record.live = undefined;
    for (const endpoint of Object.values(record.endpoints)) endpoint.live = undefined;
    this.#store.saveSandbox(record);
  }

  renamed(container: ContainerId, name: string): void {
    const record = this.#require(container);
    record.name = name;
    this.#store.saveSandbox(record);
  }

  async forget(container: ContainerId): Promise<void> {
    await this.stop(container);
    this.#store.deleteSandbox(container);
  }

  settings(container: ContainerId): NetworkSettings {
    const record = this.#store.sandbox(container);
    const networks: Record<string, EndpointSettings> = {};
    for (const [name, endpoint] of Object.entries(record?.endpoints ?? {})) networks[name] = endpointSettings(endpoint);
    return {
      SandboxID: record?.live?.id ?? '',
      SandboxKey: record?.live ? this.#sandboxKey(record) : '',
      Ports: this.ports(container),
      Networks: networks,
    };
  }

  ports(container: ContainerId): PortMap {
    const record = this.#store.sandbox(container);
    if (!record?.live) return {};
    return Object.fromEntries(record.exposedPorts.map(port => [port, null]));
  }

  async reconcile(running: ReadonlySet<ContainerId>): Promise<void> {
    for (const record of [...this.#store.sandboxes]) {
      if (record.live && !running.has(record.container)) await this.stop(record.container);
    }
  }

  async close(): Promise<void> {
    this.#hostsListeners.clear();
  }

  get #defaultMode(): string {
    return this.options.config.bridge === 'none' ? 'none' : 'bridge';
  }

  #addPredefined(name: string, driver: string): void {
    for (const network of this.#store.networks) if (network.name === name) return;
    this.#store.saveNetwork({
      id: newNetworkId(),
      name,
      created: new Date().toISOString(),
      scope: 'local',
      driver,
      enableIPv4: true,
      enableIPv6: false,
      internal: false,
      attachable: false,
      ingress: false,
      configOnly: false,
      configFrom: '',
      options: {},
      labels: {},
      ipam: { driver: 'default', options: {}, pools: [] },
      interfaceName: '',
      ownsInterface: false,
    });
  }

  #require(container: ContainerId): SandboxRecord {
    const record = this.#store.sandbox(container);
    if (!record) throw failed(`container ${container} has no network record`);
    return record;
  }

  #makeLive(record: SandboxRecord, namespace: Sandbox['namespace']): void {
    record.live = { id: newNetworkId(), namespace };
    for (const network of this.#store.networks) {
      const endpoint = record.endpoints[network.name];
      if (!endpoint) continue;
      endpoint.network = network.id;
      endpoint.live = {
        id: newNetworkId(),
        interfaceName: '',
        hostInterface: '',
        macAddress: '',
        ipv4: undefined,
        ipv6: undefined,
        dnsNames: [],
        ports: [],
      };
    }
    this.#store.saveSandbox(record);
  }

  #sandboxKey(record: SandboxRecord): string {
    const name = record.live?.namespace.kind === 'host' ? 'default' : record.live?.id.slice(0, 12);
    return `/var/run/docker/netns/${name}`;
  }

  #resolvOverrides(record: SandboxRecord) {
    const { config } = this.options;
    return {
      servers: record.dns.length > 0 ? record.dns : config.dns,
      search: record.dnsSearch.length > 0 ? record.dnsSearch : config.dnsSearch,
      options: record.dnsOptions.length > 0 ? record.dnsOptions : config.dnsOptions,
    };
  }

  /** Into the namespace of another container, which must run. */
  #join(record: SandboxRecord): Sandbox {
    const { users } = this.options;
    const reference = record.mode.slice('container:'.length);
    const target = users.resolve(reference);
    if (!target) throw failed(`joining network namespace of container: No such container: ${reference}`);
    if (target === record.container) throw failed('cannot join own network namespace');
    const pid = users.pid(target);
    if (pid === undefined) {
      const name = users.name(target) ?? target;
      throw conflict(`cannot join network namespace of a non running container: container ${name}`);
    }
    record.live = { id: newNetworkId(), namespace: { kind: 'path', path: `/proc/${pid}/ns/net` } };
    this.#store.saveSandbox(record);
    return {
      namespace: record.live.namespace,
      hosts: [],
      resolvConf: plainResolvConf(this.#resolvOverrides(record), false).content,
    };
  }
}

function endpointSettings(endpoint: EndpointRecord): EndpointSettings {
  const { live } = endpoint;
  return {
    IPAMConfig: endpoint.ipam,
    Links: endpoint.links,
    Aliases: endpoint.aliases,
    MacAddress: live?.macAddress ?? '',
    DriverOpts: endpoint.driverOptions,
    GwPriority: endpoint.gatewayPriority,
    NetworkID: endpoint.network ?? '',
    EndpointID: live?.id ?? '',
    Gateway: live?.ipv4?.gateway ?? '',
    IPAddress: live?.ipv4?.address ?? '',
    IPPrefixLen: live?.ipv4?.bits ?? 0,
    IPv6Gateway: live?.ipv6?.gateway ?? '',
    GlobalIPv6Address: live?.ipv6?.address ?? '',
    GlobalIPv6PrefixLen: live?.ipv6?.bits ?? 0,
    DNSNames: live?.dnsNames ?? [],
  };
}
