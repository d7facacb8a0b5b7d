// Published ports are held by sockets, so that no other program of the host, and no other engine, takes them meanwhile:
// the kernel itself finds the conflicts. Packets never reach these sockets; the firewall sends them on.
import { closeSync, readFileSync } from 'node:fs';
import { KernelError } from '../kernel/libc.ts';
import { bindOverClosed, bindSocket } from '../kernel/sockets.ts';
import { DockyardError, failed } from '../lib/errors.ts';
import { addressBytes, formatAddress, requireAddress } from './addresses.ts';

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

export interface PortRequest {
  protocol: PortProtocol;
  /** All of these get the same port. */
  hostAddresses: readonly string[];
  /** 0 to 0 is any port. */
  first: number;
  last: number;
}

export interface HeldPort {
  protocol: PortProtocol;
  hostAddress: string;
  port: number;
}

const keyOf = ({ protocol, hostAddress, port }: HeldPort) => `${protocol} ${hostAddress} ${port}`;

export class PortHolder implements Disposable {
  /** -1 for protocols that the kernel has no sockets for: then only we keep count. */
  readonly #held = new Map<string, number>();
  /** Until the end of the turn, so that who wants the same port again has it, though a helper that is just ending has it, too. */
  readonly #released = new Map<string, HeldPort & { fd: number }>();
  #nextRandom = 0;

  /** The port, held at every address; or the reason why there is none. */
  hold(request: PortRequest): HeldPort[] {
    const { first, last } = request;
    if (first === 0) return this.#holdRandom(request);
    for (let port = first; ; port++) {
      try {
        return this.#holdAll(request, port);
      } catch (error) {
        if (port >= last || !isTaken(error)) throw error;
      }
    }
  }

  /** A port that is held already, by us before a restart. */
  holdAgain(port: HeldPort): void {
    if (!this.#held.has(keyOf(port))) this.#bind(port);
  }

  /** The socket that holds it, if there is one. */
  descriptorOf(port: HeldPort): number | undefined {
    const fd = this.#held.get(keyOf(port));
    return fd === undefined || fd < 0 ? undefined : fd;
  }

  release(port: HeldPort): void {
    const key = keyOf(port);
    const fd = this.#held.get(key);
    this.#held.delete(key);
    if (fd === undefined || fd < 0) return;
    if (this.#released.size === 0) queueMicrotask(() => this.#closeReleased());
    this.#released.set(key, { ...port, fd });
  }

  #closeReleased(which: (port: HeldPort) => boolean = () => true): void {
    for (const [key, port] of this.#released) {
      if (!which(port)) continue;
      this.#released.delete(key);
      closeSync(port.fd);
    }
  }

  #holdRandom(request: PortRequest): HeldPort[] {
    const { first, last } = ephemeralRange();
    if (this.#nextRandom < first || this.#nextRandom > last) this.#nextRandom = first;
    for (let tried = first; tried <= last; tried++) {
      const port = this.#nextRandom;
      this.#nextRandom = port === last ? first : port + 1;
      try {
        return this.#holdAll(request, port);
      } catch (error) {
        if (!isTaken(error)) throw error;
      }
    }
    throw failed('all ports are allocated');
  }

  #holdAll({ protocol, hostAddresses }: PortRequest, port: number): HeldPort[] {
    const held: HeldPort[] = [];
    try {
      for (const hostAddress of hostAddresses) {
        const one = { protocol, hostAddress: formatAddress(requireAddress(hostAddress)), port };
        this.#bind(one);
        held.push(one);
      }
      return held;
    } catch (error) {
      for (const one of held) this.release(one);
      throw error;
    }
  }

  #bind(port: HeldPort): void {
    const again = this.#released.get(keyOf(port));
    if (again) {
      this.#released.delete(keyOf(port));
      this.#held.set(keyOf(port), again.fd);
      return;
    }
    // It would be in the way.
    this.#closeReleased(other => other.port === port.port && other.protocol === port.protocol);
    const fd = openHolder(port);
    if (typeof fd === 'string' || (fd < 0 && this.#isOurs(port))) {
      const why = this.#isOurs(port) ? `Bind for ${shown(port)} failed: port is already allocated` : fd;
      throw new PortTaken(String(why));
    }
    this.#held.set(keyOf(port), fd);
  }

  #isOurs({ protocol, hostAddress, port }: HeldPort): boolean {
    const { family, value } = requireAddress(hostAddress);
    const everywhere = family === 4 ? '0.0.0.0' : '::';
    if (this.#held.has(keyOf({ protocol, hostAddress, port }))) return true;
    if (this.#held.has(keyOf({ protocol, hostAddress: everywhere, port }))) return true;
    if (value !== 0n) return false;
    for (const key of this.#held.keys()) {
      const [heldProtocol, heldAddress = '', heldPort] = key.split(' ');
      if (heldProtocol === protocol && Number(heldPort) === port && heldAddress.includes(':') === (family === 6))
        return true;
    }
    return false;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#held.values()) if (fd >= 0) closeSync(fd);
    this.#held.clear();
    this.#closeReleased();
  }
}

class PortTaken extends DockyardError {
  constructor(message: string) {
    super('failed', message);
  }
}

const isTaken = (error: unknown) => error instanceof PortTaken;

/** A descriptor, -1 where there can't be one, or how to say that somebody has the port. */
function openHolder(held: HeldPort): number | string {
  const { protocol, hostAddress, port } = held;
  try {
    const address = addressBytes(requireAddress(hostAddress));
    if (protocol === 'tcp') return bindStream(address, port);
    return bindSocket({ protocol, address, port });
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const what = `failed to bind host port ${shown(held)}/${protocol}`;
    switch (error.code) {
      case 'EADDRINUSE':
        return `${what}: address already in use`;
      case 'EADDRNOTAVAIL':
        throw failed(`${what}: cannot assign requested address`, error);
      case 'EPROTONOSUPPORT':
      case 'EAFNOSUPPORT':
        // A kernel without SCTP sockets can forward it all the same.
        return -1;
      default:
        throw failed(`${what}: ${error.message}`, error);
    }
  }
}

/** A helper that carried connections leaves some that are closed, for a minute. */
function bindStream(address: Uint8Array, port: number): number {
  try {
    return bindSocket({ protocol: 'tcp', address, port });
  } catch (error) {
    if (!(error instanceof KernelError) || error.code !== 'EADDRINUSE') throw error;
    return bindOverClosed({ address, port });
  }
}

const shown = ({ hostAddress, port }: HeldPort) =>
  hostAddress.includes(':') ? `[${hostAddress}]:${port}` : `${hostAddress}:${port}`;

function ephemeralRange(): { first: number; last: number } {
  const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
  return { first: first ?? 49153, last: last ?? 65535 };
}
