// What somebody else's rule does, as far as we need to know.
import { attributesOf, eachAttribute, textOf } from '../netlink.ts';
import { NF_DROP, NFT_JUMP, NFTA_DATA_VERDICT } from './protocol.ts';

export interface ForeignRule {
  handle: bigint;
  /** What happens to every packet that comes to this rule, if that is to end here or to go elsewhere. */
  always: 'drop' | { jump: string } | undefined;
  /** The chain that it leads to, be it under conditions. */
  jump: string | undefined;
}

export function readRule(payload: Buffer): ForeignRule {
  const attributes = attributesOf(payload.subarray(4));
  const expressions = attributes.get(4);
  const handle = attributes.get(3)?.readBigUInt64BE(0) ?? 0n;
  return { handle, always: unconditionalVerdict(expressions), jump: jumpOf(expressions) };
}

/** Expressions that every packet passes; iptables has comments as a match. */
const PASSED_BY_ALL: ReadonlySet<string> = new Set(['counter', 'log', 'match comment']);

function unconditionalVerdict(expressions: Buffer | undefined): ForeignRule['always'] {
  if (!expressions) return undefined;
  for (const [, element] of eachAttribute(expressions)) {
    const attributes = attributesOf(element);
    const name = textOf(attributes.get(1));
    const data = attributesOf(attributes.get(2) ?? Buffer.alloc(0));
    // Extensions of iptables have their own name inside.
    const extension = name === 'match' || name === 'target' ? `${name} ${textOf(data.get(1))}` : name;
    if (extension === 'reject' || extension === 'target REJECT' || extension === 'target DROP') return 'drop';
    if (name === 'immediate') return verdictOf(data.get(2));
    if (!PASSED_BY_ALL.has(extension)) return undefined;
  }
  return undefined;
}

function jumpOf(expressions: Buffer | undefined): string | undefined {
  for (const [, element] of eachAttribute(expressions ?? Buffer.alloc(0))) {
    const attributes = attributesOf(element);
    const data = attributes.get(2);
    if (!data || textOf(attributes.get(1)) !== 'immediate') continue;
    const verdict = verdictOf(attributesOf(data).get(2));
    if (typeof verdict === 'object') return verdict.jump;
  }
  return undefined;
}

function verdictOf(data: Buffer | undefined): ForeignRule['always'] {
  const verdict = data && attributesOf(data).get(NFTA_DATA_VERDICT);
  if (!verdict) return undefined;
  const attributes = attributesOf(verdict);
  const code = attributes.get(1)?.readUInt32BE(0);
  if (code === NF_DROP) return 'drop';
  return code === NFT_JUMP ? { jump: textOf(attributes.get(2)) } : undefined;
}
