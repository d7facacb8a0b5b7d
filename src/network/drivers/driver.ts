// A network driver makes the host's side of a network and puts interfaces into containers. What it is told comes from the
// engine's state and is told again after a restart, so every step may find its work already done.
import type { FirewallNetwork } from '../firewall/firewall.ts';
import type { SandboxNamespace } from '../sandbox.ts';

export interface NetworkSpec {
  id: string;
  name: string;
  driver: string;
  internal: boolean;
  enableIPv4: boolean;
  enableIPv6: boolean;
  options: Readonly<Record<string, string>>;
  /** Subnets in CIDR form, each with the gateway's address if it has one. */
  ipam: { pools: readonly { Subnet?: string; Gateway?: string }[] };
  interfaceName: string;
  ownsInterface: boolean;
}

export interface InterfaceAddress {
  address: string;
  bits: number;
  gateway: string;
}

export interface EndpointSpec {
  /** The name inside the container. */
  interfaceName: string;
  /** The host's end, for drivers that have one. */
  hostInterface: string;
  macAddress: string;
  ipv4: InterfaceAddress | undefined;
  ipv6: InterfaceAddress | undefined;
  /** Further addresses, of the link only. */
  linkLocal: readonly string[];
  /** Frames to the endpoint's own published ports come back to it. */
  hairpin: boolean;
  /** What a plugin that carries the network said of it. */
  plugin: PluginInterface | undefined;
}

export interface PluginInterface {
  /** The interface's name on the host; '' if the plugin made none. */
  sourceInterface: string;
  gateway: string;
  gateway6: string;
  routes: readonly { destination: string; gateway: string | undefined }[];
  /** Its containers are to have no way out but what the plugin gives them. */
  needsNoGateway: boolean;
}

/** Which interface of the host carries a network. */
export interface NetworkInterface {
  interfaceName: string;
  /** It is the network's own: made and removed with it. */
  ownsInterface: boolean;
}

export interface NetworkDriver {
  readonly name: string;
  /** Whether every subnet gets a gateway address, or only those for which one was asked. */
  readonly givesGateways: boolean;
  /** Its containers have the hardware address of the host's interface. */
  readonly sharesMacAddress?: true;
  /** Checks the options and finds the interface; changes nothing. */
  plan(network: Omit<NetworkSpec, 'interfaceName' | 'ownsInterface'>, others: readonly NetworkSpec[]): NetworkInterface;
  /** The host's side exists and is as it should be. Interfaces that are made for it are marked with their owner. */
  ensure(network: NetworkSpec, owner: string): void;
  remove(network: NetworkSpec, others: readonly NetworkSpec[]): void;
  hostInterfaceName(): string;
  attach(network: NetworkSpec, endpoint: EndpointSpec, sandbox: SandboxNamespace): void;
  /** The container lives on without the interface. It is of no use when this returns, and gone when it resolves. */
  detach(endpoint: EndpointSpec, sandbox: SandboxNamespace): Promise<void>;
  /** The container is gone, and its namespace with it, sooner or later: nothing of the endpoint may be heard any more. */
  silence(network: NetworkSpec, endpoint: EndpointSpec, owner: string, sandbox: SandboxNamespace | undefined): void;
  /** Where the default route of a container goes. */
  defaultRoute(network: NetworkSpec, endpoint: EndpointSpec, family: 4 | 6): { gateway: string } | 'link' | undefined;
  /** Undefined where no packet passes the host's firewall. */
  firewall(network: NetworkSpec): FirewallNetwork | undefined;
}
