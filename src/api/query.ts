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

  /** A terminal's height or width. */
  size(name: string): number {
    const text = this.text(name);
    if (!/^\d+$/.test(text) || Number(text) > 0xffff_ffff) {
      throw invalid(`invalid resize ${name === 'h' ? 'height' : 'width'} ${JSON.stringify(text)}`);
    }
    return Number(text);
  }

  /** "1136073600" or "1136073600.000000001", as nanoseconds since the epoch; undefined when absent, empty or 0. */
  time(name: string): bigint | undefined {
    const text = this.text(name);
    if (text === '' || text === '0') return undefined;
    const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
    if (!match) throw invalid(`invalid value for "${name}": ${JSON.stringify(text)} is not a Unix timestamp`);
    const [, sign, seconds = '0', fraction = ''] = match;
    const nanoseconds = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
    return sign === '-' ? -nanoseconds : nanoseconds;
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
