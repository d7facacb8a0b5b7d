// Which subnet a network gets, and which address an endpoint. What is given is remembered by whoever asked; after a
// restart the pools are filled again from there.
import { DockyardError, forbidden, invalid, unavailable } from '../lib/errors.ts';
import {
  type Address,
  contains,
  type Family,
  firstOf,
  lastOf,
  masked,
  overlaps,
  type Prefix,
  requirePrefix,
  widthOf,
} from './addresses.ts';

/** A block that is cut into subnets of one size. */
export interface PredefinedPool {
  base: Prefix;
  /** Prefix length of the subnets. */
  size: number;
}

export const DEFAULT_POOLS: readonly PredefinedPool[] = (
  [
    ['172.17.0.0/16', 16],
    ['172.18.0.0/16', 16],
    ['172.19.0.0/16', 16],
    ['172.20.0.0/14', 16],
    ['172.24.0.0/14', 16],
    ['172.28.0.0/14', 16],
    ['192.168.0.0/16', 20],
  ] as const
).map(([base, size]) => ({ base: requirePrefix(base), size }));

/** A private block of IPv6 that belongs to one engine: random to others, the same at each start. */
export function uniqueLocalPool(engine: string): PredefinedPool {
  const digest = new Bun.CryptoHasher('sha256').update(`ipv6 ${engine}`).digest();
  const value = (0xfdn << 120n) | (BigInt(`0x${digest.toString('hex').slice(0, 10)}`) << 80n);
  return { base: { family: 6, value, bits: 48 }, size: 64 };
}

export interface SubnetRequest {
  family: Family;
  pools: readonly PredefinedPool[];
  /** Subnets of other networks. */
  taken: readonly Prefix[];
  /** What the host has routes to: never chosen, but may be asked for by name. */
  reserved: readonly Prefix[];
  /** Only a subnet of this prefix length will do. */
  size?: number;
}

export function chooseSubnet({ family, pools, taken, reserved, size }: SubnetRequest): Prefix {
  const occupied = [...taken, ...reserved].filter(prefix => prefix.family === family);
  const candidates = pools
    .filter(({ base }) => base.family === family && (size === undefined || base.bits <= size))
    .map(pool => ({ base: masked(pool.base), size: size ?? pool.size }))
    .sort((a, b) => (a.base.value < b.base.value ? -1 : a.base.value > b.base.value ? 1 : a.base.bits - b.base.bits));
  if (candidates.length === 0) throw invalid('invalid address pool');
  for (const { base, size: bits } of candidates) {
    const step = 1n << BigInt(widthOf(family) - bits);
    for (let value = firstOf(base); value <= lastOf(base); ) {
      const subnet: Prefix = { family, value, bits };
      const obstacle = occupied.find(prefix => overlaps(prefix, subnet));
      if (!obstacle) return subnet;
      const beyond = lastOf(obstacle) + 1n;
      value = ((beyond + step - 1n) / step) * step;
    }
  }
  throw invalid('all predefined address pools have been fully subnetted');
}

export function checkOverlap(subnet: Prefix, taken: readonly Prefix[]): void {
  if (taken.some(prefix => overlaps(prefix, subnet))) {
    throw forbidden('invalid pool request: Pool overlaps with other one on this address space');
  }
}

/** The addresses of one subnet. */
export class AddressPool {
  readonly #taken = new Set<bigint>();
  readonly #first: bigint;
  readonly #last: bigint;
  /** No address of the range below this one is free. */
  #lowest: bigint;

  /** `range` narrows what is given without asking for a certain address. */
  constructor(
    readonly subnet: Prefix,
    range: Prefix | undefined,
  ) {
    const hostBits = widthOf(subnet.family) - subnet.bits;
    // A link of two (RFC 3021) has neither a network nor a broadcast address.
    const special = subnet.family === 6 || hostBits > 1;
    if (special) this.#taken.add(firstOf(subnet));
    if (special && subnet.family === 4) this.#taken.add(lastOf(subnet));
    this.#first = firstOf(range ?? subnet);
    this.#last = lastOf(range ?? subnet);
    this.#lowest = this.#first;
  }

  /** The lowest free address. */
  take(): Address {
    for (let value = this.#lowest; value <= this.#last; value++) {
      if (this.#taken.has(value)) continue;
      this.#taken.add(value);
      this.#lowest = value + 1n;
      return { family: this.subnet.family, value };
    }
    throw noAddresses();
  }

  takeThis(address: Address): void {
    if (!contains(this.subnet, address)) throw invalid('requested address is out of range');
    if (this.#taken.has(address.value)) throw forbidden('Address already in use');
    this.#taken.add(address.value);
  }

  isTaken(address: Address): boolean {
    return this.#taken.has(address.value);
  }

  release(address: Address): void {
    this.#taken.delete(address.value);
    if (address.value < this.#lowest && address.value >= this.#first) this.#lowest = address.value;
  }

  /** For `network inspect`: counts as Docker does, the reserved addresses included. */
  status(): { inUse: bigint; available: bigint } {
    const inRange = [...this.#taken].filter(value => this.#first <= value && value <= this.#last).length;
    return { inUse: BigInt(this.#taken.size), available: this.#last - this.#first + 1n - BigInt(inRange) };
  }
}

const NO_ADDRESSES = 'no available addresses on this pool';
const noAddresses = () => unavailable(NO_ADDRESSES);
export const isExhausted = (error: unknown) => error instanceof DockyardError && error.message === NO_ADDRESSES;
