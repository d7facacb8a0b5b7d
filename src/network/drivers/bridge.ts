// A bridge of the host for each network, and a pair of virtual interfaces for each container on it.
import { randomBytes } from 'node:crypto';
import type { NetlinkMessage } from '../../kernel/netlink.ts';
import type { LinkAddress } from '../../kernel/rtnetlink/address.ts';
import { message } from '../../kernel/rtnetlink/message.ts';
import { failed, forbidden, invalid } from '../../lib/errors.ts';
import { addressBytes, type Family, requireAddress, requirePrefix } from '../addresses.ts';
import type { FirewallFamily, FirewallNetwork, GatewayMode } from '../firewall/firewall.ts';
import { writeSysctl } from '../sandbox.ts';
import { announce } from './announcement.ts';
import type { NetworkDriver, NetworkInterface, NetworkSpec } from './driver.ts';
import { findLink, hostLinks, isGone, isThere, readSysctl } from './host-kernel.ts';
import { configureNewInterface } from './interface.ts';
import { INTERFACE_NAME_RULE, isInterfaceName } from './interface-name.ts';
import { addressOption, booleanOption, choiceOption, gatewayModeError, mtuOption, OPTION } from './options.ts';
import { takeAway } from './take-away.ts';

const GATEWAY_MODES = ['nat', 'nat-unprotected', 'routed', 'isolated'] as const;
const LEAST_MTU_6 = 1280;
const BRIDGE_LINK_LOCAL = { bytes: addressBytes(requireAddress('fe80::1')), bits: 64 };

interface BridgeOptions {
  mtu: number;
  icc: boolean;
  masquerade: boolean;
  inhibitIPv4: boolean;
  mode4: GatewayMode;
  mode6: GatewayMode;
  hostIPv4: string | undefined;
  hostIPv6: string | undefined;
  trustedInterfaces: readonly string[];
}

type Options = Readonly<Record<string, string>>;

export function bridgeOptions(options: Options): BridgeOptions {
  addressOption(options, OPTION.hostBinding, 4);
  return {
    mtu: mtuOption(options),
    icc: booleanOption(options, OPTION.icc, true),
    masquerade: booleanOption(options, OPTION.masquerade, true),
    inhibitIPv4: booleanOption(options, OPTION.inhibitIPv4, false),
    mode4: choiceOption(options, OPTION.gatewayMode4, GATEWAY_MODES, 'nat', gatewayModeError(OPTION.gatewayMode4)),
    mode6: choiceOption(options, OPTION.gatewayMode6, GATEWAY_MODES, 'nat', gatewayModeError(OPTION.gatewayMode6)),
    hostIPv4: addressOption(options, OPTION.hostIPv4, 4),
    hostIPv6: addressOption(options, OPTION.hostIPv6, 6),
    trustedInterfaces: (options[OPTION.trustedInterfaces] ?? '').split(':').filter(name => name !== ''),
  };
}

export const bridge: NetworkDriver = {
  name: 'bridge',
  givesGateways: true,

  plan(network, others): NetworkInterface {
    const options = bridgeOptions(network.options);
    if (!network.enableIPv4 && !network.enableIPv6) throw invalid('IPv4 or IPv6 must be enabled');
    if (network.enableIPv6 && options.mtu > 0 && options.mtu < LEAST_MTU_6) {
      throw invalid(`invalid MTU number: ${options.mtu}: IPv6 needs at least ${LEAST_MTU_6}`);
    }
    if ((options.mode4 === 'isolated' || options.mode6 === 'isolated') && !network.internal) {
      throw failed("gateway mode 'isolated' can only be used for an internal network");
    }
    const interfaceName = network.options[OPTION.bridgeName] || `br-${network.id.slice(0, 12)}`;
    const rival = others.find(other => other.interfaceName === interfaceName);
    if (rival) {
      throw forbidden(
        `cannot create network ${network.id} (${interfaceName}): conflicts with network ${rival.id} (${rival.interfaceName}): networks have same bridge name`,
      );
    }
    if (!isInterfaceName(interfaceName))
      throw invalid(`invalid bridge name "${interfaceName}": ${INTERFACE_NAME_RULE}`);
    const existing = findLink(interfaceName);
    if (existing && existing.kind !== 'bridge') {
      throw invalid(`cannot use ${interfaceName} as a bridge: it is an interface of another kind`);
    }
    return { interfaceName, ownsInterface: existing === undefined };
  },

  ensure(network, owner): void {
    const { interfaceName: name } = network;
    const options = bridgeOptions(network.options);
    if (!findLink(name)) makeBridge(name, options.mtu);
    setSysctls(network, options);
    setAddresses(network, options);
    hostLinks().send(message.setLink(name, { up: true, ...(network.ownsInterface ? { alias: owner } : {}) }));
  },

  remove(network): void {
    if (!network.ownsInterface) return;
    attempt(message.deleteLink(network.interfaceName));
  },

  hostInterfaceName: () => `veth${randomBytes(4).toString('hex').slice(0, 7)}`,

  attach(network, endpoint, sandbox): void {
    const { mtu } = bridgeOptions(network.options);
    const host = hostLinks();
    const { index: master } = host.link(network.interfaceName);
    announce(master, endpoint);
    host.send(
      message.newLink({
        kind: 'veth',
        name: endpoint.hostInterface,
        master,
        up: true,
        mtu,
        peer: {
          name: endpoint.interfaceName,
          namespace: sandbox.descriptor,
          macAddress: endpoint.macAddress,
          mtu,
        },
      }),
    );
    if (endpoint.hairpin) host.send(message.setHairpin(host.link(endpoint.hostInterface).index, true));
    configureNewInterface(endpoint, sandbox);
  },

  detach: takeAway,

  silence(network, endpoint, owner): void {
    // It goes off its bridge when it is deleted: each change of that kind makes the kernel wait for all processors.
    attempt(message.setLink(endpoint.hostInterface, { up: false, alias: owner }));
    const bridge = findLink(network.interfaceName);
    if (!bridge) return;
    // Who gets the address next must not be taken for its predecessor.
    for (const address of [endpoint.ipv4, endpoint.ipv6]) {
      if (address) attempt(message.deleteNeighbour(bridge.index, addressBytes(requireAddress(address.address))));
    }
  },

  defaultRoute(network, endpoint, family) {
    if (network.internal) return undefined;
    const gateway = family === 4 ? endpoint.ipv4?.gateway : endpoint.ipv6?.gateway;
    return gateway ? { gateway } : undefined;
  },

  firewall(network): FirewallNetwork {
    const options = bridgeOptions(network.options);
    const family = (version: Family, mode: GatewayMode, sourceAddress: string | undefined): FirewallFamily => ({
      mode,
      masquerade: options.masquerade,
      sourceAddress,
      subnets: network.ipam.pools.flatMap(({ Subnet }) =>
        Subnet && requirePrefix(Subnet).family === version ? [Subnet] : [],
      ),
      hasAddress: mode !== 'isolated' && !(version === 4 && options.inhibitIPv4),
    });
    return {
      bridge: network.interfaceName,
      isShared: !network.ownsInterface,
      internal: network.internal,
      icc: options.icc,
      ipv4: network.enableIPv4 ? family(4, options.mode4, options.hostIPv4) : undefined,
      ipv6: network.enableIPv6 ? family(6, options.mode6, options.hostIPv6) : undefined,
      trustedInterfaces: options.trustedInterfaces,
    };
  },
};

/** What is gone already need not go. */
function attempt(request: NetlinkMessage): void {
  try {
    hostLinks().send(request);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function makeBridge(name: string, mtu: number): void {
  // A bridge without an address of its own takes the lowest of its ports', which changes as containers come and go.
  const macAddress = `02:42:${[...randomBytes(4)].map(byte => byte.toString(16).padStart(2, '0')).join(':')}`;
  try {
    hostLinks().send(message.newLink({ kind: 'bridge', name, macAddress, mtu }));
  } catch (error) {
    if (!isThere(error)) throw error;
  }
}

function setAddresses(network: NetworkSpec, options: BridgeOptions): void {
  const host = hostLinks();
  const { index } = host.link(network.interfaceName);
  const wanted = bridgeAddresses(network, options);
  const present = host.addresses().flatMap(({ link, address }) => (link === index ? [address] : []));
  const has = (list: readonly LinkAddress[], address: LinkAddress) =>
    list.some(other => sameLinkAddress(other, address));
  // An interface that is not ours may have more addresses than we know of.
  const surplus = network.ownsInterface
    ? present.filter(address => !isLinkLocal(address) && !has(wanted, address))
    : [];
  const missing = wanted.filter(address => !has(present, address));
  const changes = [
    ...surplus.map(address => message.deleteAddress(index, address)),
    ...missing.map(address => message.addAddress(index, address)),
  ];
  if (changes.length > 0) host.send(...changes);
}

/** What the bridge answers to: each subnet's gateway, unless there is to be none. */
function bridgeAddresses(network: NetworkSpec, options: BridgeOptions): LinkAddress[] {
  const gateways = network.ipam.pools.flatMap(({ Subnet, Gateway }) => {
    if (!Subnet || !Gateway) return [];
    const { family, bits } = requirePrefix(Subnet);
    const mode = family === 4 ? options.mode4 : options.mode6;
    if (mode === 'isolated' || (family === 4 && options.inhibitIPv4)) return [];
    return [{ bytes: addressBytes(requireAddress(Gateway)), bits }];
  });
  const needsLinkLocal =
    network.enableIPv6 &&
    options.mode6 !== 'isolated' &&
    !gateways.some(gateway => sameLinkAddress(gateway, BRIDGE_LINK_LOCAL));
  return needsLinkLocal ? [...gateways, BRIDGE_LINK_LOCAL] : gateways;
}

function setSysctls(network: NetworkSpec, options: BridgeOptions): void {
  const { interfaceName: name } = network;
  writeSysctl(`net/ipv6/conf/${name}/disable_ipv6`, network.enableIPv6 ? '0' : '1');
  if (network.enableIPv6) writeSysctl(`net/ipv6/conf/${name}/accept_ra`, '0');
  // Ports published on the host's loopback lead to the container by this.
  if (network.enableIPv4) writeSysctl(`net/ipv4/conf/${name}/route_localnet`, '1');
  if (!options.icc) filterBridgedPackets(network);
}

/** Packets between two ports of a bridge pass the firewall only if the kernel is told so. */
function filterBridgedPackets(network: NetworkSpec): void {
  const settings = [
    ...(network.enableIPv4 ? ['net/bridge/bridge-nf-call-iptables'] : []),
    ...(network.enableIPv6 ? ['net/bridge/bridge-nf-call-ip6tables'] : []),
  ];
  for (const setting of settings) {
    if (readSysctl(setting) === undefined)
      Bun.spawnSync(['modprobe', 'br_netfilter'], { stdio: ['ignore', 'ignore', 'ignore'] });
    if (readSysctl(setting) === undefined) {
      throw failed('cannot restrict inter-container communication: the kernel has no br_netfilter');
    }
    if (readSysctl(setting) !== '1') writeSysctl(setting, '1');
  }
}

const sameLinkAddress = (a: LinkAddress, b: LinkAddress) => a.bits === b.bits && Buffer.compare(a.bytes, b.bytes) === 0;
const isLinkLocal = ({ bytes }: LinkAddress) => bytes.length === 16 && bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
