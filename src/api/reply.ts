// What a route can answer. Status codes of successes are named here, those of errors in errors.ts: nowhere else.
import type { ByteSource } from '../lib/streams.ts';
import type { Reply } from './http/message.ts';

type ExtraHeaders = Readonly<Record<string, string>>;

export const json = (value: unknown, headers: ExtraHeaders = {}): Reply => jsonReply(200, value, headers);

/** Something new exists: 201 and its JSON. */
export const created = (value: unknown): Reply => jsonReply(201, value, {});

/** 201 with nothing to say. */
export const createdSilently = (): Reply => ({ status: 201, headers: {}, body: { kind: 'none' } });

/** Done, and nothing to say: 204. */
export const noContent = (): Reply => ({ status: 204, headers: {}, body: { kind: 'none' } });

/** Done, 200 and an empty body, where Docker answers so. */
export const done = (headers: ExtraHeaders = {}): Reply => ({ status: 200, headers, body: { kind: 'none' } });

export const text = (content: string, headers: ExtraHeaders = {}): Reply => ({
  status: 200,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers },
  body: { kind: 'bytes', data: Buffer.from(content) },
});

/** Bytes as they come: a tar, an output. */
export const stream = (contentType: string, source: ByteSource, headers: ExtraHeaders = {}): Reply => ({
  status: 200,
  headers: { 'Content-Type': contentType, ...headers },
  body: { kind: 'stream', source },
});

export function jsonReply(status: number, value: unknown, headers: ExtraHeaders): Reply {
  return {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: { kind: 'bytes', data: Buffer.from(`${JSON.stringify(value)}\n`) },
  };
}

/** One JSON document per line, as they come (progress, events, stats). */
export function jsonLines(source: AsyncIterable<unknown>, contentType = 'application/json'): Reply {
  return stream(contentType, encodeLines(source, contentType === JSON_SEQUENCE ? '\x1e' : ''));
}

export const JSON_SEQUENCE = 'application/json-seq';

async function* encodeLines(source: AsyncIterable<unknown>, prefix: string): ByteSource {
  for await (const value of source) yield Buffer.from(`${prefix}${JSON.stringify(value)}\n`);
}
