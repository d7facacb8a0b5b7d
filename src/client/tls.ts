// TCP with TLS: the server must have a certificate of the right authority, and we show ours.
import { errnoOf } from '../lib/errors.ts';
import { connectSocket } from '../lib/socket.ts';
import type { Address, TlsMaterial } from './endpoint.ts';
import { ConnectionError } from './errors.ts';
import type { Connection } from './transport.ts';

export async function dialTls(
  { hostname, port }: Address & { kind: 'tcp' },
  { ca, cert, key, insecure }: TlsMaterial,
  host: string,
): Promise<Connection> {
  const tls: Bun.TLSOptions = { rejectUnauthorized: !insecure, serverName: hostname };
  if (ca !== undefined) tls.ca = ca;
  if (cert !== undefined) tls.cert = cert;
  if (key !== undefined) tls.key = key;
  try {
    return await connectSocket({ hostname, port, tls });
  } catch (error) {
    throw new ConnectionError(explain(error, host), error);
  }
}

function explain(error: unknown, host: string): string {
  const why = error instanceof Error ? error.message : String(error);
  const code = errnoOf(error) ?? '';
  if (/^E(CONN|HOST|NET|TIMEDOUT|NOTFOUND|AI_)/.test(code)) {
    return `Cannot connect to the Docker daemon at ${host}. Is the docker daemon running?`;
  }
  return `error during connect: ${host}: tls: failed to verify certificate: ${why}`;
}
