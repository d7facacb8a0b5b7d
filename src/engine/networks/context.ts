// What the verbs of networks share.
import type { ContainerId, NetworkId } from '../../lib/ids.ts';
import type { NameServer } from '../../network/dns/server.ts';
import type { NamespacePool } from '../../network/namespace-pool.ts';
import type { PortHolder } from '../../network/port-holder.ts';
import type { SandboxNamespace } from '../../network/sandbox.ts';
import type { Plugins } from '../../plugins/plugins.ts';
import type { NetworkConfig } from '../config.ts';
import type { Events } from '../events/events.ts';
import type { AddressBook } from './address-book.ts';
import type { DefaultBridge } from './default-bridge.ts';
import type { HostSide } from './host-side.ts';
import type { NameIndex } from './name-index.ts';
import type { NetworkUsers } from './networks.ts';
import type { Claims } from './plugins/claims.ts';
import type { PortProxies } from './proxies.ts';
import type { NetworkRecord } from './record.ts';
import type { NetworkStore } from './store.ts';

export interface NetworkContext {
  /** A name that no other engine of the host has. */
  readonly engine: string;
  readonly config: NetworkConfig;
  readonly users: NetworkUsers;
  readonly events: Events;
  readonly store: NetworkStore;
  readonly addresses: AddressBook;
  readonly host: HostSide;
  readonly plugins: Plugins;
  readonly claims: Claims;
  /** Networks whose address plugin is being told again what it gave. */
  readonly replays: Map<NetworkId, Promise<void>>;
  readonly ports: PortHolder;
  readonly proxies: PortProxies;
  readonly namespacePool: NamespacePool;
  readonly defaultBridge: DefaultBridge;
  readonly names: NameIndex;
  /** Of the containers on networks with names. */
  readonly nameServers: Map<ContainerId, NameServer>;
  /** Of the containers that run. */
  readonly namespaces: Map<ContainerId, SandboxNamespace>;
  /** Holds a link to each of them. */
  readonly namespaceDirectory: string;
}

export function publish(
  context: NetworkContext,
  network: NetworkRecord,
  action: string,
  attributes: Record<string, string> = {},
): void {
  context.events.publish('network', action, {
    ID: network.id,
    Attributes: { name: network.name, type: network.driver, ...attributes },
  });
}
