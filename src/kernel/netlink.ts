// Netlink: messages of nested attributes over a socket. The kernel answers before send returns, so all of it is synchronous.
import { writeInBackground } from './background-write.ts';
import { check, errno, KernelError, libc } from './libc.ts';

const { socket, bind, sendto, recv, setsockopt, close } = {
  ...libc({
    socket: ['i32', 'i32', 'i32'],
    bind: ['i32', 'ptr', 'u32'],
    setsockopt: ['i32', 'i32', 'i32', 'ptr', 'u32'],
    close: ['i32'],
  }),
  ...libc(
    {
      sendto: ['i32', 'ptr', 'u64', 'i32', 'ptr', 'u32'],
      recv: ['i32', 'ptr', 'u64', 'i32'],
    },
    'long',
  ),
};

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_EXCL = 0x200;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
const NLM_F_ROOT = 0x100;
const NLM_F_MATCH = 0x200;
const NLM_F_DUMP = NLM_F_ROOT | NLM_F_MATCH;
const NLM_F_DUMP_INTR = 0x10;

const MSG_DONTWAIT = 0x40;
const EINTR = 4;
const EAGAIN = 11;
const ENOBUFS = 105;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSGERR_ATTR_MSG = 1;
const HEADER = 16;
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;

const align = (length: number) => (length + 3) & ~3;

/** Builds any number of messages, back to back. Numbers are the host's order unless the name says big-endian. */
export class MessageWriter {
  #bytes = Buffer.alloc(4096);
  #length = 0;
  #start = 0;

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** One message: header, then whatever `body` writes. */
  message(type: number, flags: number, sequence: number, body: () => void): this {
    this.#start = this.#length;
    this.u32(0).u16(type).u16(flags).u32(sequence).u32(0);
    body();
    this.#pad();
    this.#bytes.writeUInt32LE(this.#length - this.#start, this.#start);
    return this;
  }

  /** Growing replaces the buffer: call it before `#bytes` is looked up for the write. */
  #reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }

  #pad(): void {
    this.#reserve(align(this.#length) - this.#length);
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16LE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
    return this;
  }

  be16(value: number): this {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16BE(value, at);
    return this;
  }

  be32(value: number): this {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32BE(value >>> 0, at);
    return this;
  }

  be64(value: bigint): this {
    const at = this.#reserve(8);
    this.#bytes.writeBigUInt64BE(value, at);
    return this;
  }

  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  text(value: string): this {
    return this.raw(Buffer.from(`${value}\0`));
  }

  attribute(type: number, body: () => void): this {
    const start = this.#length;
    this.u16(0).u16(type);
    body();
    this.#bytes.writeUInt16LE(this.#length - start, start);
    this.#pad();
    return this;
  }

  nested(type: number, body: () => void): this {
    return this.attribute(type | NLA_F_NESTED, body);
  }
}

/** The attributes of a message or of a nested attribute, by type; of repeated ones the last. */
export function attributesOf(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (const [type, value] of eachAttribute(bytes)) attributes.set(type, value);
  return attributes;
}

export function* eachAttribute(bytes: Buffer): Generator<[type: number, value: Buffer]> {
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) return;
    yield [bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length)];
    at += align(length);
  }
}

export const textOf = (value: Buffer | undefined): string =>
  value === undefined ? '' : value.toString('utf8', 0, value.at(-1) === 0 ? value.length - 1 : value.length);

/** What a failed request was about, and the kernel's own words if it had any. */
class NetlinkError extends KernelError {
  constructor(
    call: string,
    errno: number,
    subject: string,
    readonly detail: string,
  ) {
    super(call, errno, detail === '' ? subject : `${subject} (${detail})`);
    this.name = 'NetlinkError';
  }
}

interface NetlinkReply {
  type: number;
  flags: number;
  sequence: number;
  /** After the netlink header. */
  payload: Buffer;
}

/** One message of a request, and what to call it if it fails. */
export interface NetlinkMessage {
  type: number;
  flags: number;
  subject: string;
  body(writer: MessageWriter): void;
}

/** Belongs to the network namespace it was opened in, wherever it is used later. */
export class NetlinkSocket implements Disposable {
  #sequence = 1;
  #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** `groups`: what else it hears of, as bits. */
  static open(protocol: number, groups = 0): NetlinkSocket {
    const fd = check(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), 'socket', 'netlink');
    try {
      const address = Buffer.from(NETLINK_ADDRESS);
      address.writeUInt32LE(groups, 8);
      check(bind(fd, address, address.length), 'bind', 'netlink');
      check(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, ON, 4), 'setsockopt', 'NETLINK_EXT_ACK');
      check(setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, ON, 4), 'setsockopt', 'NETLINK_CAP_ACK');
      if (protocol === NETLINK_ROUTE) {
        check(setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, ON, 4), 'setsockopt', 'NETLINK_GET_STRICT_CHK');
      } else {
        // A transaction is one datagram however many rules it holds, and so are its acknowledgements.
        check(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, LARGE_BUFFER, 4), 'setsockopt', 'SO_SNDBUFFORCE');
        check(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, LARGE_BUFFER, 4), 'setsockopt', 'SO_RCVBUFFORCE');
      }
    } catch (error) {
      close(fd);
      throw error;
    }
    return new NetlinkSocket(fd);
  }

  /**
   * Sends messages as one datagram and returns the kernel's answers beyond acknowledgements. All answers are read before
   * the first error is thrown, so that none is left for the next request.
   */
  request(messages: readonly NetlinkMessage[]): Buffer[] {
    const writer = new MessageWriter();
    const first = this.#sequence;
    for (const { type, flags, body } of messages) {
      writer.message(type, flags | NLM_F_REQUEST, this.#sequence++, () => body(writer));
    }
    const subject = (sequence: number) => messages[sequence - first]?.subject ?? 'netlink';
    check(sendto(this.#fd, writer.bytes, writer.bytes.length, 0, null, 0), 'send', subject(first));
    return this.#answers(first, subject);
  }

  /** Not for a socket that is used otherwise before this resolves. */
  async requestInBackground(message: NetlinkMessage): Promise<void> {
    const writer = new MessageWriter();
    const sequence = this.#sequence++;
    writer.message(message.type, message.flags | NLM_F_REQUEST, sequence, () => message.body(writer));
    await writeInBackground(this.#fd, writer.bytes, message.subject);
    this.#answers(sequence, () => message.subject);
  }

  #answers(first: number, subject: (sequence: number) => string): Buffer[] {
    const replies: Buffer[] = [];
    let failure: NetlinkError | undefined;
    for (const { type, sequence, payload } of this.#replies()) {
      if (sequence < first) continue;
      if (type === NLMSG_ERROR) {
        const code = -payload.readInt32LE(0);
        if (code !== 0) failure ??= new NetlinkError('netlink', code, subject(sequence), errorDetail(payload));
      } else if (type !== NLMSG_DONE) {
        replies.push(Buffer.from(payload));
      }
    }
    if (failure) throw failure;
    return replies;
  }

  get descriptor(): number {
    return this.#fd;
  }

  /** Throws away what has come by itself. */
  drain(): void {
    for (;;) {
      if (recv(this.#fd, received, received.length, MSG_DONTWAIT) >= 0) continue;
      const code = errno();
      if (code === EAGAIN) return;
      // There was more than the queue holds, which says the same.
      if (code !== EINTR && code !== ENOBUFS) throw new KernelError('recv', code, 'netlink');
    }
  }

  /** What has come by itself. Undefined when there was more than the queue holds, so that anything may have happened. */
  news(): { type: number; payload: Buffer }[] | undefined {
    const found: { type: number; payload: Buffer }[] = [];
    for (let complete = true; ; ) {
      try {
        for (const { type, payload } of this.#replies()) found.push({ type, payload: Buffer.from(payload) });
        return complete ? found : undefined;
      } catch (error) {
        if (!(error instanceof KernelError) || error.errno !== ENOBUFS) throw error;
        complete = false;
      }
    }
  }

  /** Everything of a kind. */
  dump(type: number, subject: string, body: (writer: MessageWriter) => void): Buffer[] {
    for (;;) {
      const found = this.#dumpOnce(type, subject, body);
      if (found) return found;
    }
  }

  /** Undefined when something changed meanwhile, so that the list may be wrong. */
  #dumpOnce(type: number, subject: string, body: (writer: MessageWriter) => void): Buffer[] | undefined {
    const sequence = this.#sequence++;
    const writer = new MessageWriter();
    writer.message(type, NLM_F_REQUEST | NLM_F_DUMP, sequence, () => body(writer));
    check(sendto(this.#fd, writer.bytes, writer.bytes.length, 0, null, 0), 'send', subject);
    const found: Buffer[] = [];
    let interrupted = false;
    for (const reply of this.#replies()) {
      if (reply.sequence !== sequence) continue;
      if (reply.flags & NLM_F_DUMP_INTR) interrupted = true;
      if (reply.type === NLMSG_ERROR || reply.type === NLMSG_DONE) {
        const code = reply.payload.length >= 4 ? -reply.payload.readInt32LE(0) : 0;
        if (code > 0) throw new NetlinkError('netlink', code, subject, errorDetail(reply.payload));
      } else {
        found.push(Buffer.from(reply.payload));
      }
    }
    return interrupted ? undefined : found;
  }

  /** All that waits. The kernel has answered by the time send returns, so an empty queue is the end of the answer. */
  *#replies(): Generator<NetlinkReply> {
    for (;;) {
      const length = recv(this.#fd, received, received.length, MSG_DONTWAIT);
      if (length < 0) {
        const code = errno();
        if (code === EAGAIN) return;
        if (code === EINTR) continue;
        throw new KernelError('recv', code, 'netlink');
      }
      for (let at = 0; at + HEADER <= length; ) {
        const size = received.readUInt32LE(at);
        if (size < HEADER || at + size > length) break;
        yield {
          type: received.readUInt16LE(at + 4),
          flags: received.readUInt16LE(at + 6),
          sequence: received.readUInt32LE(at + 8),
          payload: received.subarray(at + HEADER, at + size),
        };
        at += align(size);
      }
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    close(this.#fd);
    this.#fd = -1;
  }
}

const NETLINK_ADDRESS = Buffer.alloc(12);
NETLINK_ADDRESS.writeUInt16LE(AF_NETLINK, 0);
const ON = Buffer.from([1, 0, 0, 0]);
const LARGE_BUFFER = Buffer.from(new Uint32Array([8 * 1024 * 1024]).buffer);
/** Shared by all sockets: answers are copied out before anything else is received. */
const received = Buffer.alloc(256 * 1024);

/** The kernel's words, which follow the error and the header of the message that failed. */
function errorDetail(payload: Buffer): string {
  const after = 4 + HEADER;
  if (payload.length <= after) return '';
  try {
    return textOf(attributesOf(payload.subarray(after)).get(NLMSGERR_ATTR_MSG));
  } catch (error) {
    if (error instanceof RangeError) return '';
    throw error;
  }
}
