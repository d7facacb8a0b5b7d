// Networks as containers see them. All endpoint state lives behind this interface: a container knows only its network mode.
import type { ContainerId } from '../../lib/ids.ts';
import type {
  EndpointSettings,
  HostConfig,
  Network,
  NetworkConnectRequest,
  NetworkCreateRequest,
  NetworkCreateResponse,
  NetworkDisconnectRequest,
  NetworkSettings,
  PortMap,
} from '../../wire/types.ts';
import type { NetworkDescription } from './describe-network.ts';

/** How every failure to set up a container's networks begins: words that people search for. */
export const NETWORK_FAILURE = 'failed to set up container networking';

export type Filters = Readonly<Record<string, readonly string[]>>;

export interface NetworkRequest {
  container: ContainerId;
  name: string;
  hostname: string;
  domainname: string;
  /** HostConfig.NetworkMode, never empty: 'default', 'bridge', 'none', 'host', 'container:<id>', a network's name or id. */
  mode: string;
  endpoints: Readonly<Record<string, EndpointSettings>>;
  hostConfig: HostConfig;
  /** Config.ExposedPorts. */
  exposedPorts: readonly string[];
  macAddress?: string;
}

export interface HostsEntry {
  address: string;
  names: readonly string[];
}

export interface Sandbox {
  /** What the container joins: a namespace made for it, a fresh one that the runtime makes itself, or the host's. */
  namespace: { kind: 'path'; path: string } | { kind: 'new' } | { kind: 'host' };
  /** Lines for /etc/hosts beyond localhost's, extra hosts included; or the whole file. */
  hosts: readonly HostsEntry[] | string;
  /** The content of /etc/resolv.conf. */
  resolvConf: string;
}

export interface Networks {
  /** Checks a create request and stores its endpoints. Throws what Docker throws for bad modes, addresses, ports. */
  register(request: NetworkRequest): void;
  /** A container gets its interfaces, addresses, ports and names, before its first process exists. */
  start(container: ContainerId): Promise<Sandbox>;
  /** Everything `start` made is taken back. Idempotent. */
  stop(container: ContainerId): Promise<void>;
  /** Tells the containers whose legacy links led to the old name, and what they are now. */
  renamed(container: ContainerId, name: string): ReadonlyMap<ContainerId, string[]>;
  /** Ends a legacy link, of a running container too. False when it has none with this alias. */
  unlink(container: ContainerId, alias: string): boolean;
  /** The container is gone for good. Implies `stop`. */
  forget(container: ContainerId): Promise<void>;
  /** What a container's processes are told of those it is linked to. */
  environment(container: ContainerId): string[];
  /** For inspect and list. */
  settings(container: ContainerId): NetworkSettings;
  ports(container: ContainerId): PortMap;
  /** After a daemon restart: the kernel is made to agree with what these running containers should have. */
  reconcile(running: ReadonlySet<ContainerId>): Promise<void>;
}

/** Networks as the API has them. References are names, ids or unique beginnings of ids. */
export interface NetworkDirectory {
  create(request: NetworkCreateRequest): Promise<NetworkCreateResponse>;
  list(filters: Filters): Promise<Network[]>;
  inspect(reference: string, options: { verbose: boolean; scope: string }): Promise<NetworkDescription>;
  remove(reference: string): Promise<void>;
  prune(filters: Filters): Promise<{ NetworksDeleted: string[] }>;
  connect(reference: string, request: NetworkConnectRequest): Promise<void>;
  disconnect(reference: string, request: NetworkDisconnectRequest): Promise<void>;
}

/** What networks need to know of containers, so that neither noun imports the other. */
export interface NetworkUsers {
  /** By name, id or unique prefix. */
  resolve(reference: string): ContainerId | undefined;
  name(container: ContainerId): string | undefined;
  /** The variables of a container's configuration. */
  environment(container: ContainerId): readonly string[];
  /** The init process of a running container. */
  pid(container: ContainerId): number | undefined;
  /** The lines of a running container's /etc/hosts beyond localhost's are others now. */
  hostsChanged(container: ContainerId, entries: readonly HostsEntry[]): void;
  /** A running container was connected to a network with names, or left the last one. */
  resolvConfChanged(container: ContainerId, content: string): void;
}
