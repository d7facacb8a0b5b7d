// The name server that a container finds at 127.0.0.11. Its sockets are in the container's namespace, where nobody else can
// reach them, on ports of the kernel's choice: port 53 stays free for the container, and a rule leads from there to here.
import type { Socket, SocketHandler, SocketListener, UnixSocketOptions } from 'bun';
import { bindSocket, enlargeReceiveBuffer, listenOn, portOf } from '../../kernel/sockets.ts';
import { addressBytes, parseAddress, requireAddress } from '../addresses.ts';
import type { FirewallBackend } from '../firewall/backends.ts';
import { EMBEDDED_SERVER, type UpstreamServer } from '../resolv-conf.ts';
import type { SandboxNamespace } from '../sandbox.ts';
import { FairDatagrams } from './fair-datagrams.ts';
import { forward, type Transport } from './forwarder.ts';
import {
  type Answer,
  addressOfPointer,
  CLASS,
  firstMessage,
  framed,
  isVersionKnown,
  type Query,
  RCODE,
  receive,
  TYPE,
  writeResponse,
} from './message.ts';
import { redirect } from './redirect.ts';

const ADDRESS = addressBytes(requireAddress(EMBEDDED_SERVER));
const LARGEST_MESSAGE = 65535;
/** What a container can take of the engine's descriptors and time. */
const MAX_CONNECTIONS = 64;
const MAX_FORWARDED = 256;
const MAX_AT_ONCE = 256;
const IDLE_SECONDS = 10;
const USUAL_PORT = 53;

/** What one container may know. */
export interface Names {
  /** Undefined for a name that is none of ours; empty for one that has no address of the family. */
  addresses(name: string, family: 4 | 6): readonly string[] | undefined;
  nameOf(address: string): string | undefined;
  readonly upstreams: readonly UpstreamServer[];
  /** The search list does the rest: a name without a dot that is none of ours is not asked for elsewhere. */
  readonly ndotsSet: boolean;
}

export interface NameServerOptions {
  /** An earlier engine had one there. */
  again: boolean;
  /** What leads there from port 53; undefined where nothing can. */
  backend: FirewallBackend | undefined;
}

export class NameServer implements Disposable {
  #closed = false;
  #connections = 0;
  #forwarded = 0;

  private constructor(
    /** What is asked at the usual port comes here. */
    readonly ready: Promise<void>,
    private readonly namespace: SandboxNamespace,
    private readonly names: Names,
    private readonly udp: FairDatagrams,
    private readonly tcp: SocketListener<Connection>,
  ) {}

  /** The sockets are bound when this returns: what a container asks once it is ready waits for its answer. */
  static open(namespace: SandboxNamespace, names: Names, { again, backend }: NameServerOptions): NameServer {
    // Where nothing can lead there from the usual port, the container loses that one.
    const port = backend ? 0 : USUAL_PORT;
    const [udpFd, tcpFd] = namespace.visit(() => {
      const udpSocket = bindSocket({ protocol: 'udp', address: ADDRESS, port });
      return [udpSocket, bindSocket({ protocol: 'tcp', address: ADDRESS, port })] as const;
    });
    enlargeReceiveBuffer(udpFd);
    listenOn(tcpFd, MAX_CONNECTIONS);
    const ports = { udp: portOf(udpFd), tcp: portOf(tcpFd) };
    const ready = backend ? redirect(namespace, { backend, ports, again }) : Promise.resolve();
    // Whoever waits for it is told; a start that fails earlier waits no more.
    ready.catch(() => undefined);
    let server: NameServer;
    const handlers: SocketHandler<Connection> = {
      open: socket => server.#onConnection(socket),
      close: () => void server.#connections--,
      data: (socket, data) => server.#onStream(socket, data),
      timeout: socket => void socket.end(),
      error: socket => void socket.end(),
    };
    // Bun takes a descriptor here too, its types do not know it.
    const listening: unknown = { fd: tcpFd, socket: handlers };
    server = new NameServer(
      ready,
      namespace,
      names,
      new FairDatagrams(udpFd, (packet, port, address) => void server.#onDatagram(packet, port, address)),
      Bun.listen(listening as UnixSocketOptions<Connection>),
    );
    return server;
  }

  async #onDatagram(packet: Buffer, port: number, address: string): Promise<void> {
    const response = this.#answer(Buffer.from(packet), 'udp');
    const reply = response instanceof Promise ? await response : response;
    if (reply && !this.#closed) this.udp.send(reply, port, address);
  }

  #onConnection(socket: Socket<Connection>): void {
    this.#connections++;
    socket.data = { received: Buffer.alloc(0) };
    socket.timeout(IDLE_SECONDS);
    if (this.#connections > MAX_CONNECTIONS) socket.terminate();
  }

  #onStream(socket: Socket<Connection>, data: Buffer): void {
    const connection = socket.data;
    connection.received = Buffer.concat([connection.received, data]);
    for (let count = 0; ; count++) {
      const message = firstMessage(connection.received);
      if (!message) return;
      if (count === MAX_AT_ONCE) {
        socket.terminate();
        return;
      }
      connection.received = connection.received.subarray(2 + message.length);
      void this.#reply(socket, Buffer.from(message));
    }
  }

  async #reply(socket: Socket<Connection>, packet: Buffer): Promise<void> {
    const reply = await this.#answer(packet, 'tcp');
    if (!reply || this.#closed) {
      socket.end();
      return;
    }
    socket.write(framed(reply));
  }

  /** What we know is answered at once, and so is what is no question. */
  #answer(packet: Buffer, transport: Transport): Buffer | undefined | Promise<Buffer | undefined> {
    const received = receive(packet);
    if (received?.kind !== 'query') return received?.response;
    const { query } = received;
    const limit = transport === 'tcp' ? LARGEST_MESSAGE : query.limit;
    if (!isVersionKnown(query)) return writeResponse(query, RCODE.badVersion, [], limit);
    const isInternet = query.class === CLASS.internet || query.class === CLASS.any;
    if (!isInternet) return this.#forward(packet, query, transport, limit);
    const answers = this.#local(query);
    if (answers) return writeResponse(query, RCODE.ok, answers, limit);
    const isAddress = query.type === TYPE.A || query.type === TYPE.AAAA;
    if (isAddress && this.names.ndotsSet && !query.name.includes('.')) return writeResponse(query, RCODE.ok, [], limit);
    return this.#forward(packet, query, transport, limit);
  }

  #local(query: Query): Answer[] | undefined {
    switch (query.type) {
      case TYPE.A:
      case TYPE.AAAA:
        return this.#addresses(query.name, query.type);
      case TYPE.ANY: {
        const four = this.#addresses(query.name, TYPE.A);
        return four && [...four, ...(this.#addresses(query.name, TYPE.AAAA) ?? [])];
      }
      case TYPE.PTR: {
        const pointer = addressOfPointer(query.name);
        const address = pointer && parseAddress(pointer) ? pointer : undefined;
        const name = address && this.names.nameOf(address);
        return name ? [{ type: TYPE.PTR, name }] : undefined;
      }
      default:
        // A name of ours has addresses and nothing else; no server outside knows better.
        return this.names.addresses(query.name, 4) && [];
    }
  }

  #addresses(name: string, type: typeof TYPE.A | typeof TYPE.AAAA): Answer[] | undefined {
    const addresses = this.names.addresses(name, type === TYPE.A ? 4 : 6);
    return addresses && shuffled(addresses).map(text => ({ type, address: addressBytes(requireAddress(text)) }));
  }

  async #forward(packet: Buffer, query: Query, transport: Transport, limit: number): Promise<Buffer> {
    if (this.#forwarded >= MAX_FORWARDED) return writeResponse(query, RCODE.refused, [], limit);
    this.#forwarded++;
    const response = await forward(this.namespace, this.names.upstreams, transport, packet, query);
    this.#forwarded--;
    if (response === 'busy') return writeResponse(query, RCODE.refused, [], limit);
    return response ?? writeResponse(query, RCODE.serverFailure, [], limit);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.tcp.stop(true);
    this.udp[Symbol.dispose]();
  }
}

interface Connection {
  received: Buffer;
}

function shuffled<T>(items: readonly T[]): T[] {
  if (items.length < 2) return [...items];
  const list = [...items];
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [list[last], list[other]] = [list[other]!, list[last]!];
  }
  return list;
}
