// What a registry says when it does not do what it was asked.
import { DockyardError, type ErrorKind } from '../lib/errors.ts';

export interface RegistryErrorItem {
  code: string;
  message: string;
}

/** A registry answered, and the answer was no. */
export class RegistryFailure extends DockyardError {
  constructor(
    readonly status: number,
    readonly items: readonly RegistryErrorItem[],
    message: string,
    /** Seconds that the registry asks to wait. */
    readonly retryAfter?: number,
  ) {
    super(kindOf(status), message);
    this.name = 'RegistryFailure';
  }

  has(...codes: string[]): boolean {
    return this.items.some(({ code }) => codes.includes(code));
  }

  /** Another try may go better. */
  get isTemporary(): boolean {
    return this.status === 429 || this.status === 408 || (this.status >= 500 && this.status !== 501);
  }
}

/** The registry could not be reached, or the connection broke. */
export class ConnectionFailure extends DockyardError {
  /** Another try may go better. */
  readonly isTemporary: boolean;

  constructor(message: string, cause?: unknown, { isTemporary = true } = {}) {
    super('unavailable', message, { cause });
    this.name = 'ConnectionFailure';
    this.isTemporary = isTemporary;
  }
}

function kindOf(status: number): ErrorKind {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'notFound';
  if (status === 429 || status >= 500) return 'unavailable';
  return 'failed';
}

const MAX_BODY = 64 * 1024;

/** Reads the answer's body, as far as it is reasonable. */
export async function failureOf(response: Response, what: string): Promise<RegistryFailure> {
  const told = itemsOf(await shortText(response));
  const items = told.length > 0 ? told : unsaid(response.status);
  const retryAfter = secondsIn(response.headers.get('retry-after'));
  const texts = items.map(({ code, message }) => `${code.toLowerCase().replaceAll('_', ' ')}: ${message}`);
  const text =
    texts.length > 0 ? texts.join('\n') : `${what}: unexpected answer ${response.status} ${response.statusText}`;
  const later =
    retryAfter !== undefined && retryAfter > 60 ? ` (it may be asked again ${durationText(retryAfter)} later)` : '';
  return new RegistryFailure(response.status, items, text.trim() + later, retryAfter);
}

/** An answer to HEAD has no body, and not every proxy says more than a status. */
function unsaid(status: number): RegistryErrorItem[] {
  if (status === 401) return [{ code: 'UNAUTHORIZED', message: 'authentication required' }];
  if (status === 403) return [{ code: 'DENIED', message: 'requested access to the resource is denied' }];
  return [];
}

/** Retry-After is a number of seconds, or the date when they are over. */
function secondsIn(header: string | null): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

function durationText(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`;
}

/** At most so many bytes: an error page may be of any length. */
export async function shortText(response: Response, limit = MAX_BODY): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= limit) break;
  }
  return Buffer.concat(chunks).toString('utf8', 0, limit);
}

function itemsOf(body: string): RegistryErrorItem[] {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    // Not every proxy in between speaks JSON.
    return [];
  }
  if (typeof json !== 'object' || json === null) return [];
  const { errors, details } = json as { errors?: unknown; details?: unknown };
  // An old form that token servers still use.
  if (typeof details === 'string') return [{ code: 'UNAUTHORIZED', message: details }];
  if (!Array.isArray(errors)) return [];
  return errors.flatMap(item => {
    if (typeof item !== 'object' || item === null) return [];
    const { code, message } = item as { code?: unknown; message?: unknown };
    return [{ code: String(code ?? 'UNKNOWN'), message: String(message ?? '') }];
  });
}
