// As much of the DNS format as the embedded server needs: it reads one question and writes its answers. What it forwards
// goes through as it came.

export const TYPE = { A: 1, PTR: 12, MX: 15, AAAA: 28, OPT: 41, ANY: 255 } as const;
export const CLASS = { internet: 1, chaos: 3, any: 255 } as const;
export const RCODE = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
} as const;
const HEADER = 12;
const FLAG_RESPONSE = 0x8000;
const FLAG_TRUNCATED = 0x0200;
const FLAG_RECURSION_DESIRED = 0x0100;
const FLAG_RECURSION_AVAILABLE = 0x0080;
const OPCODE_MASK = 0x7800;
const RCODE_MASK = 0x000f;
const SMALLEST_LIMIT = 512;
/** Of a datagram that the server takes. */
const LARGEST_QUERY = 4096;
const EDNS_VERSION = 0;
const EDNS_FLAG_DNSSEC = 0x8000;
const OPT_SIZE = 11;
const TTL_SECONDS = 600;
/** A name that was said before: the question's. */
const POINTER_TO_QUESTION = 0xc000 | HEADER;

export interface Query {
  id: number;
  recursionDesired: boolean;
  /** In lower case, without the dot at the end. */
  name: string;
  type: number;
  class: number;
  /** The question as it came. */
  question: Buffer;
  /** How large an answer by UDP may be. */
  limit: number;
  edns: Edns | undefined;
}

export interface Edns {
  version: number;
  wantsSignatures: boolean;
}

export type Received =
  | { kind: 'query'; query: Query }
  /** Where nothing but the header can be relied on. */
  | { kind: 'refusal'; response: Buffer };

export type Answer =
  | { type: typeof TYPE.A | typeof TYPE.AAAA; address: Uint8Array }
  | { type: typeof TYPE.PTR; name: string };

/** Undefined for what is to have no answer at all: two servers that answer each other's errors would never end. */
export function receive(packet: Buffer): Received | undefined {
  if (packet.length < HEADER) return undefined;
  const flags = packet.readUInt16BE(2);
  if ((flags & FLAG_RESPONSE) !== 0) return undefined;
  const refusal = (rcode: number): Received => ({ kind: 'refusal', response: refusalOf(packet, rcode) });
  if ((flags & OPCODE_MASK) !== 0) return refusal(RCODE.notImplemented);
  const query = parseQuery(packet);
  return query ? { kind: 'query', query } : refusal(RCODE.formatError);
}

/** Nothing of the rest is repeated: it may be anything. */
function refusalOf(packet: Buffer, rcode: number): Buffer {
  const response = Buffer.alloc(HEADER);
  const repeated = packet.readUInt16BE(2) & (OPCODE_MASK | FLAG_RECURSION_DESIRED);
  response.writeUInt16BE(packet.readUInt16BE(0), 0);
  response.writeUInt16BE(FLAG_RESPONSE | repeated | FLAG_RECURSION_AVAILABLE | rcode, 2);
  return response;
}

/** Undefined for what is no question that could be answered. */
export function parseQuery(packet: Buffer): Query | undefined {
  if (packet.length < HEADER || packet.readUInt16BE(4) !== 1) return undefined;
  const name = readName(packet, HEADER);
  if (!name || name.end + 4 > packet.length) return undefined;
  const options = readOptions(packet, name.end + 4);
  if (!options) return undefined;
  return {
    id: packet.readUInt16BE(0),
    recursionDesired: (packet.readUInt16BE(2) & FLAG_RECURSION_DESIRED) !== 0,
    name: name.text.toLowerCase(),
    type: packet.readUInt16BE(name.end),
    class: packet.readUInt16BE(name.end + 2),
    question: packet.subarray(HEADER, name.end + 4),
    ...options,
  };
}

/** A question's name has no pointers: there is nothing before it to point at. */
function readName(packet: Buffer, start: number): { text: string; end: number } | undefined {
  const labels: string[] = [];
  for (let at = start, total = 0; at < packet.length; ) {
    const length = packet[at]!;
    if (length === 0) return { text: labels.join('.'), end: at + 1 };
    total += length + 1;
    if (length > 63 || total > 254 || at + 1 + length > packet.length) return undefined;
    labels.push(packet.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return undefined;
}

/** From the OPT record. Undefined if there are two, or if what stands behind the question is no records. */
function readOptions(packet: Buffer, start: number): Pick<Query, 'limit' | 'edns'> | undefined {
  const before = packet.readUInt16BE(6) + packet.readUInt16BE(8);
  const count = before + packet.readUInt16BE(10);
  let options: Pick<Query, 'limit' | 'edns'> | undefined;
  let at = start;
  for (let index = 0; index < count; index++) {
    const fixed = endOfOwner(packet, at);
    if (fixed === undefined || fixed + 10 > packet.length) return undefined;
    if (index >= before && packet.readUInt16BE(fixed) === TYPE.OPT) {
      // Its owner is the root, whose name is one byte.
      if (options || fixed !== at + 1) return undefined;
      options = {
        limit: Math.max(SMALLEST_LIMIT, packet.readUInt16BE(fixed + 2)),
        edns: {
          version: packet.readUInt8(fixed + 5),
          wantsSignatures: (packet.readUInt16BE(fixed + 6) & EDNS_FLAG_DNSSEC) !== 0,
        },
      };
    }
    at = fixed + 10 + packet.readUInt16BE(fixed + 8);
  }
  return at > packet.length ? undefined : (options ?? { limit: SMALLEST_LIMIT, edns: undefined });
}

/** Behind the name that a record begins with, which may end in a pointer. */
function endOfOwner(packet: Buffer, start: number): number | undefined {
  for (let at = start; at < packet.length; ) {
    const length = packet[at]!;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    if (length > 63) return undefined;
    at += 1 + length;
  }
  return undefined;
}

export function writeResponse(query: Query, rcode: number, answers: readonly Answer[], limit: number): Buffer {
  const records = answers.map(record);
  const options = query.edns ? optionsRecord(query.edns, rcode) : Buffer.alloc(0);
  let size = HEADER + query.question.length + options.length;
  let fitting = 0;
  for (const { length } of records) {
    if (size + length > limit) break;
    size += length;
    fitting++;
  }
  const response = Buffer.alloc(size);
  let flags = FLAG_RESPONSE | FLAG_RECURSION_AVAILABLE | (rcode & RCODE_MASK);
  if (query.recursionDesired) flags |= FLAG_RECURSION_DESIRED;
  if (fitting < records.length) flags |= FLAG_TRUNCATED;
  response.writeUInt16BE(query.id, 0);
  response.writeUInt16BE(flags, 2);
  response.writeUInt16BE(1, 4);
  response.writeUInt16BE(fitting, 6);
  response.writeUInt16BE(query.edns ? 1 : 0, 10);
  let at = HEADER + query.question.copy(response, HEADER);
  for (const bytes of records.slice(0, fitting)) at += bytes.copy(response, at);
  options.copy(response, at);
  return response;
}

/** Whoever sends one gets one. */
function optionsRecord({ wantsSignatures }: Edns, rcode: number): Buffer {
  const bytes = Buffer.alloc(OPT_SIZE);
  bytes.writeUInt16BE(TYPE.OPT, 1);
  bytes.writeUInt16BE(LARGEST_QUERY, 3);
  bytes.writeUInt8(rcode >> 4, 5);
  bytes.writeUInt8(EDNS_VERSION, 6);
  bytes.writeUInt16BE(wantsSignatures ? EDNS_FLAG_DNSSEC : 0, 7);
  return bytes;
}

export const isVersionKnown = ({ edns }: Query): boolean => edns === undefined || edns.version <= EDNS_VERSION;

function record(answer: Answer): Buffer {
  const data = answer.type === TYPE.PTR ? nameBytes(answer.name) : answer.address;
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt16BE(POINTER_TO_QUESTION, 0);
  bytes.writeUInt16BE(answer.type, 2);
  bytes.writeUInt16BE(CLASS.internet, 4);
  bytes.writeUInt32BE(TTL_SECONDS, 6);
  bytes.writeUInt16BE(data.length, 10);
  bytes.set(data, 12);
  return bytes;
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').filter(label => label !== '');
  return Buffer.concat([
    ...labels.map(label => {
      const text = Buffer.from(label.slice(0, 63), 'latin1');
      return Buffer.concat([Buffer.of(text.length), text]);
    }),
    Buffer.of(0),
  ]);
}

/** Whether a packet from a server answers this query, and with what result. */
export function resultOf(response: Buffer, id: number, question: Buffer): number | undefined {
  if (response.length < HEADER + question.length || response.readUInt16BE(0) !== id) return undefined;
  const flags = response.readUInt16BE(2);
  if ((flags & FLAG_RESPONSE) === 0 || response.readUInt16BE(4) !== 1) return undefined;
  // Servers may repeat the name in another case.
  const repeated = response.toString('latin1', HEADER, HEADER + question.length).toLowerCase();
  return repeated === question.toString('latin1').toLowerCase() ? flags & RCODE_MASK : undefined;
}

/** "4.3.2.1.in-addr.arpa", or the 32 nibbles of ip6.arpa: the address that is asked for. */
export function addressOfPointer(name: string): string | undefined {
  const ipv4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (ipv4) return ipv4.slice(1).reverse().join('.');
  const ipv6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (!ipv6) return undefined;
  const digits = ipv6[1]!.replaceAll('.', '').split('').reverse().join('');
  return digits.match(/.{4}/g)!.join(':');
}

/** By TCP, each message has its length in front. */
export function framed(message: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(message.length >> 8, message.length & 0xff), message]);
}

/** Undefined as long as it is not complete. */
export function firstMessage(stream: Buffer): Buffer | undefined {
  if (stream.length < 2) return undefined;
  const end = 2 + stream.readUInt16BE(0);
  return stream.length < end ? undefined : stream.subarray(2, end);
}
