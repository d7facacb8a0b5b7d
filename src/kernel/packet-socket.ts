// Whole frames, sent by one of the host's interfaces.
import { errno, KernelError, libc } from './libc.ts';

const c = libc({
  socket: ['i32', 'i32', 'i32'],
  sendto: ['i32', 'ptr', 'u64', 'i32', 'ptr', 'u32'],
});

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** Of a protocol none arrive. */
const NO_PROTOCOL = 0;

/** Kept open: the kernel waits for all processors when one is closed. */
export class PacketSocket {
  readonly #fd: number;

  constructor() {
    this.#fd = c.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NO_PROTOCOL);
    if (this.#fd < 0) throw new KernelError('socket', errno(), 'packets');
  }

  send(link: number, frame: Uint8Array): void {
    const name = Buffer.alloc(20);
    name.writeUInt16LE(AF_PACKET, 0);
    name.writeInt32LE(link, 4);
    if (c.sendto(this.#fd, frame, frame.length, 0, name, name.length) < 0) {
      throw new KernelError('sendto', errno(), `link ${link}`);
    }
  }
}
