// The one place where a kind of error becomes a status code.
import { DockyardError, type ErrorKind, messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import type { HttpRequest, Reply } from './http/message.ts';
import { jsonReply } from './reply.ts';

const statuses: Record<ErrorKind, number> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  conflict: 409,
  notModified: 304,
  notBuilt: 501,
  unavailable: 503,
  failed: 500,
};

export function errorReply(error: unknown, request: Pick<HttpRequest, 'method' | 'target'>): Reply {
  const message = messageOf(error);
  if (!(error instanceof DockyardError)) {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error('a request failed in a way nobody foresaw', { ...requestFields(request), error: message, stack });
    return messageReply(500, message);
  }
  const status = statuses[error.kind];
  if (status === 304) return { status, headers: {}, body: { kind: 'none' } };
  if (status >= 500) log.error('a request failed', { ...requestFields(request), error: message, status });
  return messageReply(status, message);
}

export function messageReply(status: number, message: string): Reply {
  return jsonReply(status, { message }, {});
}

function requestFields(request: Pick<HttpRequest, 'method' | 'target'>): Record<string, string> {
  return { method: request.method, url: request.target };
}
