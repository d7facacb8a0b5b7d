// What the engine allows and translates on the host. All of it is kept by the implementation, which puts it back where somebody
// took it away: one who flushes the rules of the whole host, as restarting a firewall does. A change may be written a little
// later than it is made.
import type { Family } from '../addresses.ts';

export type GatewayMode = 'nat' | 'nat-unprotected' | 'routed' | 'isolated';

export interface FirewallFamily {
  mode: GatewayMode;
  masquerade: boolean;
  /** Instead of the address that the route out has. */
  sourceAddress: string | undefined;
  subnets: readonly string[];
  /** The bridge has an address in them: the host knows the way there. */
  hasAddress: boolean;
}

export interface FirewallNetwork {
  bridge: string;
  /** Somebody else has made the bridge: others may be there, whose way back is another one. */
  isShared: boolean;
  internal: boolean;
  icc: boolean;
  ipv4: FirewallFamily | undefined;
  ipv6: FirewallFamily | undefined;
  /** Interfaces of the host from which containers are reached by their own addresses. */
  trustedInterfaces: readonly string[];
}

export interface FirewallPort {
  protocol: 'tcp' | 'udp' | 'sctp';
  containerAddress: string;
  containerPort: number;
  /** Unspecified ("0.0.0.0", "::") is every address of the host. */
  hostAddress: string;
  /** 0: open to others by the container's own address, without translation. */
  hostPort: number;
}

export interface FirewallLink {
  from: string;
  to: string;
  protocol: 'tcp' | 'udp' | 'sctp';
  port: number;
}

/** An address whose owner speaks by this bridge too, though it is reached by another one. */
export interface FirewallSender {
  address: string;
  bridge: string;
}

export interface FirewallState {
  networks: readonly FirewallNetwork[];
  ports: readonly FirewallPort[];
  links: readonly FirewallLink[];
  senders: readonly FirewallSender[];
}

export interface FirewallOptions {
  /** What the rules are known by; no other engine of the host has it. */
  owner: string;
  allowDirectRouting: boolean;
  /** Those that there are to be rules for. */
  families: readonly Family[];
}

export interface Firewall extends Disposable {
  /** The rules as they should be, instead of whatever was there. */
  reset(state: FirewallState): void;
  addNetwork(network: FirewallNetwork): void;
  removeNetwork(network: FirewallNetwork): void;
  addPorts(ports: readonly FirewallPort[]): void;
  removePorts(ports: readonly FirewallPort[]): void;
  addLinks(links: readonly FirewallLink[]): void;
  removeLinks(links: readonly FirewallLink[]): void;
  addSenders(senders: readonly FirewallSender[]): void;
  removeSenders(senders: readonly FirewallSender[]): void;
  /** The engine switches forwarding on: a host that routed for nobody must not begin to route for strangers. */
  dropForwarded(family: Family): void;
  /**
   * The kernel has all that was changed, or will not have it, and why. Rules of others that nobody tells of are looked at.
   * Undefined when there is nothing to wait for.
   */
  settled(): Promise<void> | undefined;
  /** Nothing of the engine is left. In which families it did not let the host route for strangers. */
  remove(): ReadonlySet<Family>;
}
