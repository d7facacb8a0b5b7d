// Queries about the rest of the world go to the servers that the container was given, one after the other.
import { randomInt } from 'node:crypto';
import type { udp } from 'bun';
import { bindSocket, connectStream } from '../../kernel/sockets.ts';
import { connectSocket } from '../../lib/socket.ts';
import { addressBytes, parseAddress } from '../addresses.ts';
import type { UpstreamServer } from '../resolv-conf.ts';
import type { SandboxNamespace } from '../sandbox.ts';
import { firstMessage, framed, type Query, RCODE, resultOf } from './message.ts';

const SERVER_PORT = 53;
const PATIENCE_MS = 4000;
const MAX_PENDING = 1024;

export type Transport = 'udp' | 'tcp';

let pending = 0;

/**
 * The first answer that is one. `busy` when too much is under way already, undefined when no server had an answer.
 * Every query has a port and an id of its own: a stranger would have to guess both.
 */
export async function forward(
  namespace: SandboxNamespace,
  servers: readonly UpstreamServer[],
  transport: Transport,
  packet: Buffer,
  query: Query,
): Promise<Buffer | 'busy' | undefined> {
  if (pending >= MAX_PENDING) return 'busy';
  pending++;
  try {
    for (const server of servers) {
      const response = await ask(namespace, server, transport, packet, query);
      if (response) return response;
    }
    return undefined;
  } finally {
    pending--;
  }
}

async function ask(
  namespace: SandboxNamespace,
  server: UpstreamServer,
  transport: Transport,
  packet: Buffer,
  query: Query,
): Promise<Buffer | undefined> {
  const id = randomInt(0x10000);
  const request = Buffer.from(packet);
  request.writeUInt16BE(id, 0);
  const accept = (response: Buffer): Buffer | 'failed' | undefined => {
    const result = resultOf(response, id, query.question);
    if (result === undefined) return undefined;
    if (result === RCODE.serverFailure || result === RCODE.refused) return 'failed';
    const answer = Buffer.from(response);
    answer.writeUInt16BE(query.id, 0);
    return answer;
  };
  try {
    const exchange = transport === 'udp' ? askByUdp : askByTcp;
    return await exchange(namespace, server, request, accept);
  } catch {
    // A server that can't be reached is like one that is silent: the next one is asked.
    return undefined;
  }
}

type Accept = (response: Buffer) => Buffer | 'failed' | undefined;

/** A descriptor in the namespace from which the server is to be reached. */
function from<T>(namespace: SandboxNamespace, server: UpstreamServer, open: () => T): T {
  return server.from === 'container' ? namespace.visit(open) : open();
}

async function askByUdp(
  namespace: SandboxNamespace,
  server: UpstreamServer,
  request: Buffer,
  accept: Accept,
): Promise<Buffer | undefined> {
  const address = parseAddress(server.address);
  if (!address) return undefined;
  const anywhere = new Uint8Array(address.family === 4 ? 4 : 16);
  const fd = from(namespace, server, () => bindSocket({ protocol: 'udp', address: anywhere, port: 0 }));
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const options = {
    fd,
    socket: {
      data: (_socket, data, port, sender) => {
        const known = parseAddress(sender);
        if (port !== SERVER_PORT || known?.value !== address.value) return;
        const answer = accept(data);
        if (answer !== undefined) resolve(answer === 'failed' ? undefined : answer);
      },
      error: () => resolve(undefined),
    },
  } satisfies udp.SocketOptions<'buffer'> & { fd: number };
  const socket = await Bun.udpSocket(options);
  const timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  try {
    socket.send(request, SERVER_PORT, server.address);
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

async function askByTcp(
  namespace: SandboxNamespace,
  server: UpstreamServer,
  request: Buffer,
  accept: Accept,
): Promise<Buffer | undefined> {
  const address = parseAddress(server.address);
  if (!address) return undefined;
  const bytes = addressBytes(address);
  const fd = from(namespace, server, () => connectStream(bytes, SERVER_PORT));
  const stream = await connectSocket({ fd });
  const timer = setTimeout(() => stream.destroy(), PATIENCE_MS);
  try {
    void stream.write(framed(request));
    let received = Buffer.alloc(0);
    for await (const chunk of stream.input) {
      received = Buffer.concat([received, chunk]);
      const message = firstMessage(received);
      if (!message) continue;
      const answer = accept(message);
      return answer === 'failed' ? undefined : answer;
    }
    return undefined;
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
}
