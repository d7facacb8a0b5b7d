// Replies that take the connection out of HTTP.
import type { Duplex } from '../../lib/streams.ts';
import type { HttpRequest, Reply } from './message.ts';

export const RAW_STREAM = 'application/vnd.docker.raw-stream';
export const MULTIPLEXED_STREAM = 'application/vnd.docker.multiplexed-stream';

/** 101 for a client that asked for an upgrade; 200 and the same bytes for one that takes the connection over unasked. */
export function hijack(
  request: Pick<HttpRequest, 'headers'>,
  contentType: string,
  run: (connection: Duplex) => Promise<void>,
): Reply {
  if (!request.headers.has('upgrade')) {
    return { status: 200, headers: { 'Content-Type': RAW_STREAM }, body: { kind: 'hijack', run } };
  }
  return {
    status: 101,
    reason: 'UPGRADED',
    headers: { 'Content-Type': contentType, Connection: 'Upgrade', Upgrade: 'tcp' },
    body: { kind: 'hijack', run },
  };
}
