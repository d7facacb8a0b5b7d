// What a rule is made of: steps that put values into registers, compare them, and decide.
import type { MessageWriter } from '../netlink.ts';
import { FAMILIES, NFTA_DATA_VALUE } from './protocol.ts';
import { type Verdict, writeVerdict } from './verdict.ts';

const NFT_REG_VERDICT = 0;
/** The first of sixteen registers of four bytes each. */
const REGISTERS = 8;

/** One step of a rule. */
export type Expression = (writer: MessageWriter) => void;

const META = { mark: 3, iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;
const CT = { state: 0, direction: 1, status: 2 } as const;
const CT_SOURCE = { 4: 19, 6: 21 } as const;
export const CT_STATE = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 } as const;
export const CT_DIRECTION = { original: 0, reply: 1 } as const;
export const CT_STATUS_DNAT = 1 << 5;
const FIB_RESULTS = { oif: 1, oifname: 2, type: 3 } as const;
const FIB_FLAGS = { saddr: 1, daddr: 2, iif: 8 } as const;

/** Steps of a rule. `register` counts in units of four bytes; a key of several fields lies in consecutive ones. */
export const expression = {
  meta: (key: keyof typeof META, register = 0): Expression =>
    named('meta', writer => {
      writer.attribute(2, () => writer.be32(META[key]));
      writer.attribute(1, () => writer.be32(REGISTERS + register));
    }),

  ct: (key: keyof typeof CT, register = 0): Expression =>
    named('ct', writer => {
      writer.attribute(2, () => writer.be32(CT[key]));
      writer.attribute(1, () => writer.be32(REGISTERS + register));
    }),

  /** Who sends in one direction of a connection, before anything is translated. */
  ctSource: (family: 4 | 6, direction: keyof typeof CT_DIRECTION, register = 0): Expression =>
    named('ct', writer => {
      writer.attribute(2, () => writer.be32(CT_SOURCE[family]));
      writer.attribute(1, () => writer.be32(REGISTERS + register));
      writer.attribute(3, () => writer.raw(Uint8Array.of(CT_DIRECTION[direction])));
    }),

  fib: (result: keyof typeof FIB_RESULTS, by: readonly (keyof typeof FIB_FLAGS)[], register = 0): Expression =>
    named('fib', writer => {
      writer.attribute(3, () => writer.be32(by.reduce((flags, flag) => flags | FIB_FLAGS[flag], 0)));
      writer.attribute(2, () => writer.be32(FIB_RESULTS[result]));
      writer.attribute(1, () => writer.be32(REGISTERS + register));
    }),

  payload: (base: 'network' | 'transport', offset: number, length: number, register = 0): Expression =>
    named('payload', writer => {
      writer.attribute(1, () => writer.be32(REGISTERS + register));
      writer.attribute(2, () => writer.be32(base === 'network' ? 1 : 2));
      writer.attribute(3, () => writer.be32(offset));
      writer.attribute(4, () => writer.be32(length));
    }),

  compare: (operator: 'eq' | 'ne', value: Uint8Array, register = 0): Expression =>
    named('cmp', writer => {
      writer.attribute(1, () => writer.be32(REGISTERS + register));
      writer.attribute(2, () => writer.be32(operator === 'eq' ? 0 : 1));
      writer.nested(3, () => writer.attribute(NFTA_DATA_VALUE, () => writer.raw(value)));
    }),

  /** Keeps the bits of `mask`. */
  mask: (mask: Uint8Array, register = 0): Expression =>
    named('bitwise', writer => {
      writer.attribute(1, () => writer.be32(REGISTERS + register));
      writer.attribute(2, () => writer.be32(REGISTERS + register));
      writer.attribute(3, () => writer.be32(mask.length));
      writer.nested(4, () => writer.attribute(NFTA_DATA_VALUE, () => writer.raw(mask)));
      writer.nested(5, () => writer.attribute(NFTA_DATA_VALUE, () => writer.raw(new Uint8Array(mask.length))));
    }),

  inSet: (set: string, options: { not?: boolean; register?: number } = {}): Expression =>
    named('lookup', writer => {
      writer.attribute(1, () => writer.text(set));
      writer.attribute(2, () => writer.be32(REGISTERS + (options.register ?? 0)));
      if (options.not) writer.attribute(5, () => writer.be32(1));
    }),

  /** The verdict that a map has for the key; the rule ends there if it has one. */
  verdictFrom: (map: string, register = 0): Expression =>
    named('lookup', writer => {
      writer.attribute(1, () => writer.text(map));
      writer.attribute(2, () => writer.be32(REGISTERS + register));
      writer.attribute(3, () => writer.be32(NFT_REG_VERDICT));
    }),

  valueFrom: (map: string, to: number, register = 0): Expression =>
    named('lookup', writer => {
      writer.attribute(1, () => writer.text(map));
      writer.attribute(2, () => writer.be32(REGISTERS + register));
      writer.attribute(3, () => writer.be32(REGISTERS + to));
    }),

  immediate: (value: Uint8Array, register = 0): Expression =>
    named('immediate', writer => {
      writer.attribute(1, () => writer.be32(REGISTERS + register));
      writer.nested(2, () => writer.attribute(NFTA_DATA_VALUE, () => writer.raw(value)));
    }),

  /** Address and port from registers. */
  nat: (type: 'snat' | 'dnat', family: 4 | 6, registers: { address: number; port?: number }): Expression =>
    named('nat', writer => {
      writer.attribute(1, () => writer.be32(type === 'snat' ? 0 : 1));
      writer.attribute(2, () => writer.be32(family === 4 ? FAMILIES.ip : FAMILIES.ip6));
      writer.attribute(3, () => writer.be32(REGISTERS + registers.address));
      if (registers.port !== undefined) writer.attribute(5, () => writer.be32(REGISTERS + registers.port!));
    }),

  masquerade: (): Expression => named('masq', () => undefined),

  /** To a port of the host itself; the port lies in a register. */
  redirect: (register: number): Expression =>
    named('redir', writer => writer.attribute(1, () => writer.be32(REGISTERS + register))),

  counter: (): Expression => named('counter', () => undefined),

  verdict: (verdict: Verdict): Expression =>
    named('immediate', writer => {
      writer.attribute(1, () => writer.be32(NFT_REG_VERDICT));
      writer.nested(2, () => writeVerdict(writer, verdict));
    }),
};

function named(name: string, data: (writer: MessageWriter) => void): Expression {
  return writer => {
    writer.nested(1, () => {
      writer.attribute(1, () => writer.text(name));
      writer.nested(2, () => data(writer));
    });
  };
}
