// Every error a user can cause or meet is a DockyardError: its kind is the one thing the edges (HTTP status, exit code)
// are allowed to look at. Anything else that is thrown is a bug and is logged as one.

export type ErrorKind =
  | 'invalid' // the request makes no sense: 400
  | 'unauthorized' // credentials are missing or wrong: 401
  | 'forbidden' // understood and refused: 403
  | 'notFound' // no such object: 404
  | 'conflict' // the object's state does not allow it: 409
  | 'notModified' // nothing to do: 304
  | 'notBuilt' // Docker has it, we do not have it yet: 501
  | 'unavailable' // something outside failed, trying again may help: 503
  | 'failed'; // it was tried and did not work: 500

export class DockyardError extends Error {
  constructor(
    readonly kind: ErrorKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'DockyardError';
  }
}

export const invalid = (message: string, cause?: unknown) => new DockyardError('invalid', message, { cause });
export const unauthorized = (message: string, cause?: unknown) => new DockyardError('unauthorized', message, { cause });
export const forbidden = (message: string, cause?: unknown) => new DockyardError('forbidden', message, { cause });
export const notFound = (message: string, cause?: unknown) => new DockyardError('notFound', message, { cause });
export const conflict = (message: string, cause?: unknown) => new DockyardError('conflict', message, { cause });
export const notModified = (message: string) => new DockyardError('notModified', message);
export const notBuilt = (message: string) => new DockyardError('notBuilt', message);
export const unavailable = (message: string, cause?: unknown) => new DockyardError('unavailable', message, { cause });
export const failed = (message: string, cause?: unknown) => new DockyardError('failed', message, { cause });

/** The same error, told what was being done. */
export function withPrefix(prefix: string, error: unknown): unknown {
  if (!(error instanceof DockyardError)) return error;
  return new DockyardError(error.kind, `${prefix}: ${error.message}`, { cause: error.cause });
}

export function isKind(error: unknown, kind: ErrorKind): boolean {
  return error instanceof DockyardError && error.kind === kind;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error ("ENOENT"), if it is one. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
