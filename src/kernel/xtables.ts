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
/** Which of the hooks the table has, where the rules and the policy of each are, and how large the entries are together. */
const INFO_HOOKS = 32;
const INFO_FIRST = 36;
const INFO_POLICY = 56;
const INFO_ENTRIES_SIZE = 80;
/** In front of the entries: the table's name and their size, aligned. */
const ENTRIES_HEADER = 40;
const TARGET_HEADER = 32;
const EAGAIN = 11;
const ATTEMPTS = 10;
const DROP_VERDICT = -1;

/** In the order of their numbers. */
const HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;

/** A rule begins with so many bytes of `conditions`; an `entry` is that and counters, without matches. */
const FAMILIES = {
  4: { domain: 2, level: 0, names: '/proc/net/ip_tables_names', conditions: 84, entry: 112 },
  6: { domain: 10, level: 41, names: '/proc/net/ip6_tables_names', conditions: 136, entry: 168 },
} as const;

type Family = keyof typeof FAMILIES;
export type XtablesTable = 'filter' | 'nat' | 'mangle';

export interface XtablesRule {
  /** What happens to every packet that comes to it, if that is to end here or to go elsewhere. */
  always: 'drop' | { jump: string } | undefined;
  /** The chain that it leads to, be it under conditions. */
  jump: string | undefined;
}

export interface XtablesChain {
  rules: readonly XtablesRule[];
  /** Of the kernel's own chains. */
  policy: 'accept' | 'drop' | undefined;
}

/** All chains by name; undefined where nobody uses the table. */
export function readTable(family: Family, table: XtablesTable): ReadonlyMap<string, XtablesChain> | undefined {
  return asked(family, table, read => {
    for (let attempt = 1; ; attempt++) {
      const info = read(GET_INFO, tableBuffer(table, INFO_SIZE));
      const size = info.readUInt32LE(INFO_ENTRIES_SIZE);
      const entries = tableBuffer(table, ENTRIES_HEADER + size);
      entries.writeUInt32LE(size, NAME_SIZE);
      try {
        return parseTable(read(GET_ENTRIES, entries).subarray(ENTRIES_HEADER), family, info);
      } catch (error) {
        // Its size changed in between.
        if (!(error instanceof KernelError) || error.errno !== EAGAIN || attempt === ATTEMPTS) throw error;
      }
    }
  });
}

/** How many rules the table has and where its chains begin: enough to see that some came or went, and cheap to ask for. */
export function tableShape(family: Family, table: XtablesTable): string | undefined {
  return asked(family, table, read => read(GET_INFO, tableBuffer(table, INFO_SIZE)).toString('latin1'));
}

type Read = (option: number, into: Buffer) => Buffer;

function asked<T>(family: Family, table: XtablesTable, work: (read: Read) => T): T | undefined {
  const { domain, level, names } = FAMILIES[family];
  if (!isUsed(names, table)) return undefined;
  const fd = check(c.socket(domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), 'socket', 'iptables');
  try {
    return work((option, into) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(into.length);
      if (c.getsockopt(fd, level, option, into, length) < 0) throw new KernelError('getsockopt', errno(), 'iptables');
      return into;
    });
  } finally {
    closeSync(fd);
  }
}

/** Asking the kernel would make the table. */
function isUsed(names: string, table: XtablesTable): boolean {
  try {
    return readFileSync(names, 'utf8').split('\n').includes(table);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function tableBuffer(table: XtablesTable, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.write(table);
  return bytes;
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

function parseTable(bytes: Buffer, family: Family, info: Buffer): ReadonlyMap<string, XtablesChain> {
  const entries = [...eachEntry(bytes, family)];
  const isStart = ({ target }: Entry, index: number) => target === 'ERROR' && index < entries.length - 1;
  const starts = new Map(
    entries.flatMap((entry, index) => (isStart(entry, index) ? [[entries[index + 1]!.offset, entry.name]] : [])),
  );
  const ruleOf = ({ isUnconditional, target, verdict }: Entry): XtablesRule => {
    const jump = target === '' && verdict >= 0 ? starts.get(verdict) : undefined;
    if (!isUnconditional) return { always: undefined, jump };
    if (target === 'REJECT' || (target === '' && verdict === DROP_VERDICT)) return { always: 'drop', jump };
    return { always: jump === undefined ? undefined : { jump }, jump };
  };
  const chains = new Map<string, XtablesChain>();
  for (const [hook, name] of HOOKS.entries()) {
    if ((info.readUInt32LE(INFO_HOOKS) & (1 << hook)) === 0) continue;
    const first = info.readUInt32LE(INFO_FIRST + hook * 4);
    const policyAt = info.readUInt32LE(INFO_POLICY + hook * 4);
    const rules = entries.filter(({ offset }) => offset >= first && offset < policyAt).map(ruleOf);
    const policy = entries.find(({ offset }) => offset === policyAt);
    chains.set(name, { rules, policy: policy?.verdict === DROP_VERDICT ? 'drop' : 'accept' });
  }
  let rules: XtablesRule[] | undefined;
  entries.forEach((entry, index) => {
    if (entry.target !== 'ERROR') {
      rules?.push(ruleOf(entry));
      return;
    }
    // The last entry of a chain is its return.
    rules?.pop();
    rules = [];
    if (isStart(entry, index)) chains.set(entry.name, { rules, policy: undefined });
  });
  return chains;
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
