// Address arithmetic. An address is a number with a family; a prefix may carry host bits until it is masked.
import { isIPv4, isIPv6 } from 'node:net';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

export interface Prefix extends Address {
  readonly bits: number;
}

export const widthOf = (family: Family) => (family === 4 ? 32 : 128);

/** IPv4-mapped IPv6 addresses become IPv4, so that one address has one form. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: parseIPv4(text) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const value = parseIPv6(text);
  return value >> 32n === 0xffffn ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
}

function parseIPv4(text: string): bigint {
  return text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseIPv6(text: string): bigint {
  let words = text;
  const dotted = /[^:]+\.[^:]+$/.exec(text)?.[0];
  if (dotted) {
    const value = parseIPv4(dotted);
    words = `${text.slice(0, -dotted.length)}${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  }
  const [head = '', tail] = words.split('::');
  const parse = (half: string) => (half === '' ? [] : half.split(':').map(word => BigInt(`0x${word}`)));
  const left = parse(head);
  const right = tail === undefined ? [] : parse(tail);
  const zeros = new Array<bigint>(8 - left.length - right.length).fill(0n);
  return [...left, ...zeros, ...right].reduce((value, word) => (value << 16n) | word, 0n);
}

export function requireAddress(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new Error(`not an address: ${text}`);
  return address;
}

export function formatAddress(address: Address): string {
  const { family, value } = address;
  if (family === 4) {
    const number = Number(value);
    return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
  }
  const words = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 0xffffn));
  const { start, length } = longestZeros(words);
  const hex = (list: number[]) => list.map(word => word.toString(16)).join(':');
  if (length < 2) return hex(words);
  return `${hex(words.slice(0, start))}::${hex(words.slice(start + length))}`;
}

function longestZeros(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < words.length; start++) {
    let length = 0;
    while (words[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
    start += length;
  }
  return best;
}

/** "10.0.0.5/8", host bits kept. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  if (slash < 0 || !/^\d{1,3}$/.test(text.slice(slash + 1))) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const bits = Number(text.slice(slash + 1));
  if (!address || bits > widthOf(address.family)) return undefined;
  return { ...address, bits };
}

export function requirePrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (!prefix) throw new Error(`not a prefix: ${text}`);
  return prefix;
}

export const formatPrefix = (prefix: Prefix) => `${formatAddress(prefix)}/${prefix.bits}`;

/** How many addresses a prefix has. */
export const sizeOf = (prefix: Prefix) => 1n << BigInt(widthOf(prefix.family) - prefix.bits);

export function masked(prefix: Prefix): Prefix {
  return { ...prefix, value: prefix.value & ~(sizeOf(prefix) - 1n) };
}

/** As an address: the bits that all of the prefix have in common. */
export const maskOf = ({ family, bits }: Prefix): Address =>
  masked({ family, value: (1n << BigInt(widthOf(family))) - 1n, bits });

export const firstOf = (prefix: Prefix): bigint => masked(prefix).value;
export const lastOf = (prefix: Prefix): bigint => masked(prefix).value + sizeOf(prefix) - 1n;

export function contains(prefix: Prefix, address: Address): boolean {
  return prefix.family === address.family && firstOf(prefix) <= address.value && address.value <= lastOf(prefix);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && firstOf(a) <= lastOf(b) && firstOf(b) <= lastOf(a);
}

const sameAddress = (a: Address, b: Address) => a.family === b.family && a.value === b.value;
export const samePrefix = (a: Prefix, b: Prefix) => sameAddress(a, b) && a.bits === b.bits;

/** Network byte order, 4 or 16 bytes. */
export function addressBytes(address: Address): Uint8Array {
  const bytes = new Uint8Array(widthOf(address.family) / 8);
  let rest = address.value;
  for (let index = bytes.length - 1; index >= 0; index--) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

export function addressFromBytes(bytes: Uint8Array): Address {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return { family: bytes.length === 4 ? 4 : 6, value };
}

const loopback4 = requirePrefix('127.0.0.0/8');

export function isLoopback(address: Address): boolean {
  return address.family === 4 ? contains(loopback4, address) : address.value === 1n;
}

export const isUnspecified = (address: Address) => address.value === 0n;
