// Carries what the firewall can't translate: from an IPv6 address of the host to a container that has IPv4 only, and from
// the host's IPv6 loopback. Started with the first connection, on the socket that has held the port all along
// (descriptor 3), and a process of its own, so that connections outlive the engine.
import type { udp } from 'bun';
import { connectStream } from '../kernel/sockets.ts';
import { connectSocket, listenHandlers, type SocketDuplex } from '../lib/socket.ts';
import { pump } from '../lib/streams.ts';
import { addressBytes, requireAddress } from './addresses.ts';

const LISTENING = 3;
const IDLE_MS = 60_000;
const UDP_IDLE_MS = 90_000;

/** The protocol, and the container's address and port. */
export async function run(args: string[]): Promise<number> {
  if (!(await isTold())) return 1;
  const [protocol, hostname = '', port = ''] = args;
  const target = { hostname, port: Number(port) };
  const engine = process.ppid;
  let active = 0;
  const idle = Promise.withResolvers<void>();
  let timer: Timer | undefined;
  const rest = () => {
    if (active > 0) return;
    clearTimeout(timer);
    // The engine starts us again when we are needed. Without an engine, nobody would.
    timer = setTimeout(() => (process.ppid === engine ? idle.resolve() : rest()), IDLE_MS);
  };
  const use = (): (() => void) => {
    active++;
    clearTimeout(timer);
    return () => {
      active--;
      rest();
    };
  };
  rest();
  if (protocol === 'udp') await serveDatagrams(target, use);
  else serveStreams(protocol === 'sctp' ? () => connectSctp(target) : () => connectSocket(target), use);
  await idle.promise;
  return 0;
}

/** The engine says so once it knows of us by its records. */
async function isTold(): Promise<boolean> {
  for await (const word of Bun.stdin.stream()) return word.length > 0;
  return false;
}

interface Target {
  hostname: string;
  port: number;
}

/** Says that something goes on, until the function that it returns is called. */
type Use = () => () => void;

/** Bun knows TCP alone, but takes any descriptor. */
function connectSctp({ hostname, port }: Target): Promise<SocketDuplex> {
  return connectSocket({ fd: connectStream(addressBytes(requireAddress(hostname)), port, 'sctp') });
}

function serveStreams(connect: () => Promise<SocketDuplex>, use: Use): void {
  const options: unknown = {
    fd: LISTENING,
    allowHalfOpen: true,
    socket: listenHandlers(client => {
      const done = use();
      void carry(client, connect).finally(done);
    }),
  };
  // Bun takes a descriptor here, its types do not know it.
  Bun.listen(options as Parameters<typeof Bun.listen>[0]);
}

async function carry(client: SocketDuplex, connect: () => Promise<SocketDuplex>): Promise<void> {
  let server: SocketDuplex;
  try {
    server = await connect();
  } catch {
    // Nobody serves the port in the container: the client sees its connection closed.
    client.destroy();
    return;
  }
  await Promise.all([oneWay(client, server), oneWay(server, client)]);
  client.destroy();
  server.destroy();
}

/** Each direction ends on its own. */
async function oneWay(from: SocketDuplex, to: SocketDuplex): Promise<void> {
  if (await pump(from.input, to)) to.end();
  else from.destroy();
}

async function serveDatagrams(target: Target, use: Use): Promise<void> {
  const clients = new Map<string, Promise<Client>>();
  const options = {
    fd: LISTENING,
    socket: {
      data: async (listening, data, port, address) => {
        const packet = Buffer.from(data);
        const key = `${address} ${port}`;
        let client = clients.get(key);
        if (!client) {
          client = openClient(
            target,
            reply => listening.send(reply, port, address),
            use,
            () => clients.delete(key),
          );
          clients.set(key, client);
        }
        try {
          const { socket, renew } = await client;
          socket.send(packet);
          renew();
        } catch {
          // It is lost, as datagrams may be; the next one of this client's is tried again.
        }
      },
    },
  } satisfies udp.SocketOptions<'buffer'> & { fd: number };
  await Bun.udpSocket(options);
}

interface Client {
  socket: udp.ConnectedSocket<'buffer'>;
  renew(): void;
}

async function openClient(
  target: Target,
  reply: (data: Buffer) => void,
  use: Use,
  forget: () => void,
): Promise<Client> {
  const done = use();
  let timer: Timer | undefined;
  const renew = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      socket.close();
      forget();
      done();
    }, UDP_IDLE_MS);
  };
  let socket: udp.ConnectedSocket<'buffer'>;
  try {
    socket = await Bun.udpSocket({
      // Else it is a socket of IPv4.
      hostname: target.hostname.includes(':') ? '::' : '0.0.0.0',
      connect: target,
      socket: {
        data: (_socket, data) => {
          reply(data);
          renew();
        },
        // The container refuses: the next packet may find somebody there.
        error: () => undefined,
      },
    });
  } catch (error) {
    forget();
    done();
    throw error;
  }
  renew();
  return { socket, renew };
}
