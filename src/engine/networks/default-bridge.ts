// The predefined networks, and above all `bridge`: always in the list, but made only when a container or a question needs it.
import type { Link } from '../../kernel/rtnetlink/link.ts';
import { invalid } from '../../lib/errors.ts';
import { newNetworkId } from '../../lib/ids.ts';
import {
  contains,
  firstOf,
  formatAddress,
  formatPrefix,
  lastOf,
  masked,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  requirePrefix,
} from '../../network/addresses.ts';
import { findLink, hostLinks } from '../../network/drivers/host-kernel.ts';
import { OPTION } from '../../network/drivers/options.ts';
import { chooseSubnet } from '../../network/ipam.ts';
import type { IPAMConfig } from '../../wire/types.ts';
import type { NetworkConfig } from '../config.ts';
import type { AddressBook } from './address-book.ts';
import type { HostSide } from './host-side.ts';
import { addressPools, takenSubnets } from './pools.ts';
import type { NetworkRecord } from './record.ts';
import type { NetworkStore } from './store.ts';

const DEFAULT_BRIDGE = 'bridge';
/** Belongs to the engine with the default data root; the others, which run beside it, take a name of their own. */
const USUAL_INTERFACE = 'docker0';
const USUAL_DATA_ROOT = '/var/lib/docker';

export class DefaultBridge {
  /** Of somebody else, who has made it. */
  readonly #given: Link | undefined;

  constructor(
    private readonly engine: string,
    private readonly dataRoot: string,
    private readonly config: NetworkConfig,
    private readonly store: NetworkStore,
    private readonly addresses: AddressBook,
    private readonly host: HostSide,
  ) {
    if (config.bridge !== 'none') {
      this.#given = givenBridge(config, host.owner);
      checkBridgeConfig(config, this.#given === undefined);
    }
    this.#define('none', 'null');
    this.#define('host', 'host');
    if (config.bridge !== 'none') this.#define(DEFAULT_BRIDGE, 'bridge');
    else this.#undefine(DEFAULT_BRIDGE);
  }

  get record(): NetworkRecord | undefined {
    for (const network of this.store.networks) if (network.name === DEFAULT_BRIDGE) return network;
    return undefined;
  }

  is(network: NetworkRecord): boolean {
    return network.name === DEFAULT_BRIDGE;
  }

  /** It exists on the host and has its subnets. */
  ensure(network: NetworkRecord): void {
    if (this.host.isReady(network) || this.#keepsPools(network)) {
      this.host.ensure(network);
      return;
    }
    this.host.whileChoosing(() => {
      network.ipam.pools = this.#choosePools(network);
      this.addresses.forget(network.id);
      // First the record: a crash leaves nothing that nobody knows of.
      this.store.saveNetwork(network);
      this.host.ensure(network);
    });
  }

  #define(name: string, driver: string): void {
    const known = [...this.store.networks].find(network => network.name === name);
    const isBridge = name === DEFAULT_BRIDGE;
    const record: NetworkRecord = {
      id: known?.id ?? newNetworkId(),
      name,
      created: known?.created ?? new Date().toISOString(),
      scope: 'local',
      driver,
      enableIPv4: true,
      enableIPv6: isBridge && this.config.ipv6,
      internal: false,
      attachable: false,
      ingress: false,
      configOnly: false,
      configFrom: '',
      options: isBridge ? this.#options() : {},
      labels: {},
      ipam: { driver: 'default', options: {}, pools: known?.ipam.pools ?? [] },
      interfaceName: isBridge ? this.#interfaceName : '',
      ownsInterface: isBridge && !this.#given,
    };
    if (JSON.stringify(known) !== JSON.stringify(record)) this.store.saveNetwork(record);
  }

  #undefine(name: string): void {
    const network = [...this.store.networks].find(known => known.name === name);
    if (network) this.store.deleteNetwork(network.id);
  }

  get #interfaceName(): string {
    if (this.config.bridge) return this.config.bridge;
    return this.dataRoot === USUAL_DATA_ROOT ? USUAL_INTERFACE : `dy-${this.engine}`;
  }

  #options(): Record<string, string> {
    const { config } = this;
    return {
      [OPTION.defaultBridge]: 'true',
      [OPTION.icc]: String(config.icc),
      [OPTION.masquerade]: String(config.ipMasq),
      [OPTION.hostBinding]: config.ip || '0.0.0.0',
      [OPTION.bridgeName]: this.#interfaceName,
      [OPTION.mtu]: String(config.mtu),
    };
  }

  /** The subnets chosen earlier still fit the configuration and the host. */
  #keepsPools(network: NetworkRecord): boolean {
    const { pools } = network.ipam;
    if (pools.length === 0) return false;
    const inUse = [...this.store.sandboxes].some(sandbox =>
      Object.values(sandbox.endpoints).some(endpoint => endpoint.network === network.id && endpoint.live),
    );
    if (inUse) return true;
    const { bip, bip6, fixedCidr, fixedCidr6, defaultGateway, defaultGateway6 } = this.config;
    if (this.#given || bip || bip6 || fixedCidr || fixedCidr6 || defaultGateway || defaultGateway6) return false;
    if (network.enableIPv6 !== pools.some(pool => requirePrefix(pool.Subnet!).family === 6)) return false;
    if (pools.some(pool => pool.IPRange || pool.AuxiliaryAddresses)) return false;
    const reserved = this.host.reservedSubnets();
    return !pools.some(pool => reserved.some(prefix => overlaps(prefix, requirePrefix(pool.Subnet!))));
  }

  #choosePools(network: NetworkRecord): IPAMConfig[] {
    const { config } = this;
    const pools = [this.#choosePool(network, 4, config.bip, config.fixedCidr, config.defaultGateway)];
    if (config.ipv6) pools.push(this.#choosePool(network, 6, config.bip6, config.fixedCidr6, config.defaultGateway6));
    return pools;
  }

  #choosePool(
    network: NetworkRecord,
    family: 4 | 6,
    bip: string | undefined,
    fixedCidr: string | undefined,
    router: string | undefined,
  ): IPAMConfig {
    const own = bip || this.#addressOfGiven(family);
    const fixed = fixedCidr ? requirePrefix(fixedCidr) : undefined;
    const bridge = own ? requirePrefix(own) : undefined;
    // Without an address for the bridge, the containers' range is the whole subnet.
    const subnet = masked(bridge ?? fixed ?? this.#chooseFree(network, family));
    const isHost = bridge && bridge.value !== firstOf(subnet);
    const gateway = isHost ? formatAddress(bridge) : formatAddress({ family, value: firstOf(subnet) + 1n });
    const pool: IPAMConfig = { Subnet: formatPrefix(subnet), Gateway: gateway };
    if (fixed && fixed.bits > subnet.bits) pool.IPRange = formatPrefix(masked(fixed));
    if (router) pool.AuxiliaryAddresses = routerAddress(subnet, router);
    return pool;
  }

  /** A bridge that somebody else made has an address already. */
  #addressOfGiven(family: 4 | 6): string | undefined {
    if (!this.#given) return undefined;
    const link = findLink(this.#given.name);
    if (!link) throw notThere(this.#given.name);
    for (const { link: index, address } of hostLinks().addresses()) {
      const width = family === 4 ? 4 : 16;
      if (index !== link.index || address.bytes.length !== width || address.bytes[0] === 0xfe) continue;
      const value = BigInt(`0x${Buffer.from(address.bytes).toString('hex')}`);
      return formatPrefix({ family, value, bits: address.bits });
    }
    return undefined;
  }

  #chooseFree(network: NetworkRecord, family: 4 | 6): Prefix {
    return chooseSubnet({
      family,
      pools: addressPools(this.config, this.engine),
      taken: takenSubnets(this.store, network.id),
      reserved: this.host.reservedSubnets(),
    });
  }
}

function routerAddress(subnet: Prefix, router: string): Record<string, string> {
  const address = parseAddress(router);
  if (!address || !contains(subnet, address)) throw invalid('default gateway ip must be part of the network');
  return { [`DefaultGatewayIPv${subnet.family}`]: router };
}

/** The usual one may be named too, and is made if nobody has made it. */
function givenBridge({ bridge: name }: NetworkConfig, owner: string): Link | undefined {
  if (!name) return undefined;
  const link = findLink(name);
  if (name === USUAL_INTERFACE && (!link || link.alias === owner)) return undefined;
  if (!link) throw notThere(name);
  if (link.kind !== 'bridge') throw invalid(`--bridge: interface ${name} is not a bridge`);
  return link;
}

const notThere = (name: string) =>
  invalid(
    `--bridge: there is no ${name} on this host: only ${USUAL_INTERFACE} is made by the engine, others are to be there before it`,
  );

/** What is wrong is to fail the engine's start, not that of every container. */
function checkBridgeConfig(config: NetworkConfig, isOurs: boolean): void {
  // A bridge that somebody else made has its network from them.
  checkRanges(4, { bip: config.bip, 'fixed-cidr': config.fixedCidr }, isOurs ? config.defaultGateway : undefined);
  checkRanges(
    6,
    { bip6: config.bip6, 'fixed-cidr-v6': config.fixedCidr6 },
    isOurs ? config.defaultGateway6 : undefined,
  );
}

/** The address of a network stands for its first host's. */
const isOfHost = (prefix: Prefix) => prefix.bits <= 30 && prefix.value !== lastOf(masked(prefix));

function checkRanges(family: 4 | 6, options: Record<string, string | undefined>, router: string | undefined): void {
  const ranges = Object.entries(options).flatMap(([option, text]) => {
    if (!text) return [];
    const prefix = parsePrefix(text);
    if (prefix?.family === family) {
      if (option === 'bip' && !isOfHost(prefix)) throw invalid(`invalid bip ${text}: no host can have that address`);
      return [{ option, text, prefix }];
    }
    throw invalid(`invalid ${option} ${text}: it must be an IPv${family} address with the length of its prefix`);
  });
  const [first, second] = ranges;
  if (first && second && !overlaps(masked(first.prefix), masked(second.prefix))) {
    throw invalid(`${second.option} ${second.text} must be within the network of ${first.option} ${first.text}`);
  }
  if (first && router) routerAddress(masked(first.prefix), router);
}
