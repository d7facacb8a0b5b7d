// What is stored of a network, and of a container's place in its networks. The kernel is made to agree with it.
import type { ContainerId, NetworkId } from '../../lib/ids.ts';
import type { PluginInterface } from '../../network/drivers/driver.ts';
import type { EndpointIPAMConfig, IPAMConfig, PortMap } from '../../wire/types.ts';

export interface NetworkRecord {
  id: NetworkId;
  name: string;
  created: string;
  scope: 'local' | 'global';
  driver: string;
  enableIPv4: boolean;
  enableIPv6: boolean;
  internal: boolean;
  attachable: boolean;
  ingress: boolean;
  configOnly: boolean;
  configFrom: string;
  options: Record<string, string>;
  labels: Record<string, string>;
  ipam: {
    driver: string;
    options: Record<string, string>;
    /** Complete: pools that were chosen by us are here like those that were asked for. */
    pools: IPAMConfig[];
    /** What an address plugin has given for each of the pools. */
    leases?: PoolLease[];
  };
  /** The host's interface that carries it: its own bridge, or the parent of a macvlan or ipvlan. */
  interfaceName: string;
  /** The interface is the network's own: made and removed with it. */
  ownsInterface: boolean;
  /** Half made or half removed by plugins: its name and subnets are taken, but nobody can use it. */
  unfinished?: true;
}

export interface PoolLease {
  /** The plugin's name for it. */
  pool: string;
  subnet: string;
  /** The gateway and the reserved ones, as far as they were asked for. */
  addresses: string[];
}

/** One of the networks of a container: what was asked for, and what it has while the container runs. */
export interface EndpointRecord {
  /** Unknown as long as no such network exists. */
  network: NetworkId | undefined;
  ipam: EndpointIPAMConfig | undefined;
  links: string[];
  aliases: string[];
  macAddress: string;
  driverOptions: Record<string, string>;
  gatewayPriority: number;
  live: LiveEndpoint | undefined;
  /** Nobody asked for it: see gateway-service.ts. */
  gatewayService?: true;
}

export interface InterfaceAddress {
  address: string;
  bits: number;
  gateway: string;
}

export interface LiveEndpoint {
  id: string;
  /** Inside the container. */
  interfaceName: string;
  /** The host's end of the pair; '' where there is none. */
  hostInterface: string;
  macAddress: string;
  ipv4: InterfaceAddress | undefined;
  ipv6: InterfaceAddress | undefined;
  dnsNames: string[];
  ports: PublishedPort[];
  /** On a network of a plugin. */
  plugin?: PluginInterface;
}

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** A container's port, and the host's address that leads to it. */
export interface PublishedPort {
  protocol: Protocol;
  containerAddress: string;
  containerPort: number;
  hostAddress: string;
  /** 0 where there is no translation: the container's port is reached by its own address. */
  hostPort: number;
  /** The process that carries its connections, where the firewall can't. */
  proxy?: { pid: number; startTime: string };
}

export interface SandboxRecord {
  container: ContainerId;
  name: string;
  hostname: string;
  domainname: string;
  mode: string;
  dns: string[];
  dnsSearch: string[];
  dnsOptions: string[];
  extraHosts: string[];
  links: string[];
  portBindings: PortMap;
  publishAllPorts: boolean;
  exposedPorts: string[];
  endpoints: Record<string, EndpointRecord>;
  /** While the container runs. */
  live:
    | {
        id: string;
        kind: SandboxKind;
        /** Which endpoints the ports were published by. */
        ways: string;
      }
    | undefined;
}

/** A namespace of its own, the host's, or that of another container. */
export type SandboxKind = 'own' | 'host' | 'joined';
