// The rules of the older iptables, read from the kernel: without a program, and without having its module loaded for it.
import { closeSync, readFileSync } from 'node:fs';
import { errnoOf } from '../lib/errors.ts';
import { check, errno, KernelError, libc } from './libc.ts';

const c = libc({ socket: ['i32', 'i32', 'i32'], getsockopt: ['i32', 'i32', 'i32', 'ptr', 'ptr'] });

const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_RAW = 255;
const GET_INFO = 64;
const GET_ENTRIES = 65;
const NAME_SIZE = 32;
const INFO_SIZE = 84;
/** In front of the entries: the table's name and their size, aligned. */
const ENTRIES_HEADER = 40;
const HOOKS = 5;
const HOOK_FORWARD = 2;
const TARGET_HEADER = 32;
const EAGAIN = 11;
const ATTEMPTS = 10;
const DROP_VERDICT = -1;

/** A rule begins with so many bytes of `conditions`; an `entry` is that and counters, without matches. */
const FAMILIES = {
  4: { domain: 2, level: 0, names: '/proc/net/ip_tables_names', conditions: 84, entry: 112 },
  6: { domain: 10, level: 41, names: '/proc/net/ip6_tables_names', conditions: 136, entry: 168 },
} as const;

type Family = keyof typeof FAMILIES;
type Verdict = 'drop' | { jump: string } | undefined;

export interface XtablesForward {
  policy: 'accept' | 'drop';
  /** What happens to all packets that come to each rule, if that is to end here or to go elsewhere. */
  rules: readonly Verdict[];
  /** The chains that have a name, with the number of their rules. */
  chains: ReadonlyMap<string, number>;
}

/** The filter table's chain of the forward hook; undefined where nobody uses that table. */
export function readForward(family: Family): XtablesForward | undefined {
  const { domain, level, names } = FAMILIES[family];
  if (!usesFilter(names)) return undefined;
  const fd = check(c.socket(domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), 'socket', 'iptables');
  try {
    for (let attempt = 1; ; attempt++) {
      const info = tableBuffer(INFO_SIZE);
      read(fd, level, GET_INFO, info);
      // Where each hook's rules begin, then where its policy is.
      const at = (position: number) => info.readUInt32LE(NAME_SIZE + 4 + position * 4);
      const entries = tableBuffer(ENTRIES_HEADER + info.readUInt32LE(80));
      entries.writeUInt32LE(info.readUInt32LE(80), NAME_SIZE);
      try {
        read(fd, level, GET_ENTRIES, entries);
      } catch (error) {
        // Its size changed in between.
        if (!(error instanceof KernelError) || error.errno !== EAGAIN || attempt === ATTEMPTS) throw error;
        continue;
      }
      return parseForward(entries.subarray(ENTRIES_HEADER), family, at(HOOK_FORWARD), at(HOOKS + HOOK_FORWARD));
    }
  } finally {
    closeSync(fd);
  }
}

/** Asking the kernel would make the table. */
function usesFilter(names: string): boolean {
  try {
    return readFileSync(names, 'utf8').split('\n').includes('filter');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function tableBuffer(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.write('filter');
  return bytes;
}

function read(fd: number, level: number, option: number, into: Buffer): void {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(into.length);
  if (c.getsockopt(fd, level, option, into, length) < 0) throw new KernelError('getsockopt', errno(), 'iptables');
}

interface Entry {
  offset: number;
  isUnconditional: boolean;
  target: string;
  /** Of the standard target: below zero a verdict, else the place that it jumps to. */
  verdict: number;
  /** Of what begins a chain. */
  name: string;
}

function parseForward(bytes: Buffer, family: Family, first: number, policyAt: number): XtablesForward {
  const entries = [...eachEntry(bytes, family)];
  const names = new Map<number, string>();
  const chains = new Map<string, number>();
  let current = '';
  entries.forEach((entry, index) => {
    if (entry.target === 'ERROR') {
      current = entry.name;
      const start = entries[index + 1];
      if (start) names.set(start.offset, current);
      // The last entry of a chain is its return.
      if (start) chains.set(current, -1);
    } else if (chains.has(current)) {
      chains.set(current, chains.get(current)! + 1);
    }
  });
  const verdictOf = ({ isUnconditional, target, verdict }: Entry): Verdict => {
    if (!isUnconditional) return undefined;
    if (target === 'REJECT' || (target === '' && verdict === DROP_VERDICT)) return 'drop';
    const jump = target === '' ? names.get(verdict) : undefined;
    return jump === undefined ? undefined : { jump };
  };
  const rules = entries.filter(({ offset }) => offset >= first && offset < policyAt).map(verdictOf);
  const policy = entries.find(({ offset }) => offset === policyAt);
  return { rules, policy: policy?.verdict === DROP_VERDICT ? 'drop' : 'accept', chains };
}

function* eachEntry(bytes: Buffer, family: Family): Generator<Entry> {
  const { conditions, entry } = FAMILIES[family];
  for (let offset = 0; offset + entry <= bytes.length; ) {
    const targetAt = bytes.readUInt16LE(offset + conditions + 4);
    const next = bytes.readUInt16LE(offset + conditions + 6);
    if (next === 0) return;
    const target = bytes.subarray(offset + targetAt, offset + next);
    const data = target.subarray(TARGET_HEADER);
    const kind = text(target.subarray(2, TARGET_HEADER - 1));
    yield {
      offset,
      isUnconditional: targetAt === entry && bytes.subarray(offset, offset + conditions).every(byte => byte === 0),
      target: kind,
      verdict: kind === '' ? data.readInt32LE(0) : 0,
      name: kind === 'ERROR' ? text(data) : '',
    };
    offset += next;
  }
}

const text = (bytes: Buffer) => bytes.toString('latin1', 0, Math.max(0, bytes.indexOf(0)));
