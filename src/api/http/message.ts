// A request as the server hands it to a handler, and the reply it gets back.
import type { Headers } from '../../lib/http/wire.ts';
import type { ByteSource, Duplex } from '../../lib/streams.ts';

export interface HttpRequest {
  readonly method: string;
  /** As sent: path and query, still encoded. */
  readonly target: string;
  readonly headers: Headers;
  /** Read at the handler's pace; may be left unread. */
  readonly body: ByteSource;
  /** What the head says: undefined when the length is open (chunked), 0 without a body. */
  readonly bodyLength: number | undefined;
  /** Fires when the client goes away before it has its reply. */
  readonly signal: AbortSignal;
}

export type ReplyBody =
  | { kind: 'none' }
  | { kind: 'bytes'; data: Uint8Array }
  /** Sent as it comes, each piece flushed; an error in the middle cuts the connection, so that the client notices. */
  | { kind: 'stream'; source: ByteSource }
  /** The connection leaves HTTP: `run` has it until it returns. */
  | { kind: 'hijack'; run(connection: Duplex): Promise<void> };

export interface Reply {
  readonly status: number;
  /** Where it isn't the usual one. */
  readonly reason?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ReplyBody;
}

export type HttpHandler = (request: HttpRequest) => Promise<Reply>;
