// Query parameters as Docker reads them.
import { invalid } from '../lib/errors.ts';

export class Query {
  readonly #values = new Map<string, string[]>();

  constructor(text: string) {
    for (const pair of text.split('&')) {
      if (pair === '') continue;
      const equals = pair.indexOf('=');
      const name = unescapeQuery(equals < 0 ? pair : pair.slice(0, equals));
      const value = equals < 0 ? '' : unescapeQuery(pair.slice(equals + 1));
      const values = this.#values.get(name);
      if (values) values.push(value);
      else this.#values.set(name, [value]);
    }
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The first value; '' without one. */
  text(name: string): string {
    return this.#values.get(name)?.[0] ?? '';
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** Anything but "", 0, no, false and none is true. */
  flag(name: string, absent = false): boolean {
    if (!this.has(name)) return absent;
    return !['', '0', 'no', 'false', 'none'].includes(this.text(name).trim().toLowerCase());
  }

  /** A whole number, or undefined when it is absent or empty. */
  integer(name: string): number | undefined {
    const text = this.text(name);
    if (text === '') return undefined;
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value)) {
      throw invalid(`invalid value for '${name}': ${JSON.stringify(text)} is not a whole number`);
    }
    return value;
  }

  /** "1136073600", "1136073600.000000001" or RFC 3339; undefined when absent, empty or 0. */
  time(name: string): Date | undefined {
    const text = this.text(name);
    if (text === '' || text === '0') return undefined;
    if (/^-?\d+(\.\d{1,9})?$/.test(text)) return new Date(Number(text) * 1000);
    const date = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : undefined;
    if (date && !Number.isNaN(date.getTime())) return date;
    throw invalid(`invalid value for '${name}': ${JSON.stringify(text)} is neither a Unix timestamp nor a date`);
  }
}

function unescapeQuery(text: string): string {
  return unescapeUrl(text.replaceAll('+', ' '));
}

export function unescapeUrl(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw invalid(`invalid URL escape in ${JSON.stringify(text)}`, error);
    throw error;
  }
}
