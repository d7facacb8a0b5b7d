// What sets and maps are made of.
import type { MessageWriter } from '../netlink.ts';
import { NFTA_DATA_VALUE } from './protocol.ts';
import { type Verdict, writeVerdict } from './verdict.ts';

const NFT_DATA_VERDICT = 0xffffff00;
const NFT_SET_MAP = 8;
/** Tells `nft list` how to read the names of interfaces. */
const HOST_ORDER_KEY = Buffer.from([0, 4, 1, 0, 0, 0]);

/** What a set's keys or a map's values are made of; several are laid out one after the other, each on four bytes. */
export type FieldType = 'ipv4' | 'ipv6' | 'port' | 'protocol' | 'ifname' | 'nfproto';

const FIELD_TYPES: Record<FieldType, { id: number; length: number }> = {
  ipv4: { id: 7, length: 4 },
  ipv6: { id: 8, length: 16 },
  protocol: { id: 12, length: 1 },
  port: { id: 13, length: 2 },
  ifname: { id: 41, length: 16 },
  nfproto: { id: 2, length: 1 },
};

const padded = (length: number) => (length + 3) & ~3;
const layoutLength = (fields: readonly FieldType[]) =>
  fields.length === 1
    ? FIELD_TYPES[fields[0]!].length
    : fields.reduce((sum, field) => sum + padded(FIELD_TYPES[field].length), 0);
/** How `nft list` reads it: six bits per field. */
const layoutId = (fields: readonly FieldType[]) => fields.reduce((id, field) => (id << 6) | FIELD_TYPES[field].id, 0);

export interface SetLayout {
  name: string;
  key: readonly FieldType[];
  /** A map to values, or to verdicts. Without it, a set. */
  data?: readonly FieldType[] | 'verdict';
}

export interface SetElement {
  key: Uint8Array;
  data?: Uint8Array | Verdict;
}

export function writeLayout(writer: MessageWriter, { key, data }: SetLayout, id: number): void {
  writer.attribute(3, () => writer.be32(data ? NFT_SET_MAP : 0));
  writer.attribute(4, () => writer.be32(layoutId(key)));
  writer.attribute(5, () => writer.be32(layoutLength(key)));
  if (data === 'verdict') {
    writer.attribute(6, () => writer.be32(NFT_DATA_VERDICT));
  } else if (data) {
    writer.attribute(6, () => writer.be32(layoutId(data)));
    writer.attribute(7, () => writer.be32(layoutLength(data)));
  }
  writer.attribute(10, () => writer.be32(id));
  if (key.length === 1 && key[0] === 'ifname') writer.attribute(13, () => writer.raw(HOST_ORDER_KEY));
}
export function writeElement(writer: MessageWriter, { key, data }: SetElement): void {
  writer.nested(1, () => writer.attribute(NFTA_DATA_VALUE, () => writer.raw(key)));
  if (data === undefined) return;
  writer.nested(2, () => {
    if (data instanceof Uint8Array) writer.attribute(NFTA_DATA_VALUE, () => writer.raw(data));
    else writeVerdict(writer, data);
  });
}
