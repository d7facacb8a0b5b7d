// Times as users give them for --since and --until: a date, a Unix time, or how long ago.
import { ExitError } from './errors.ts';
import { readDuration } from './flag-types.ts';

const patterns: readonly [RegExp, string][] = [
  [/^\d{4}-\d{2}-\d{2}$/, 'T00:00:00'],
  [/^\d{4}-\d{2}-\d{2}T\d{2}$/, ':00:00'],
  [/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/, ':00'],
  [/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?$/, ''],
];

/** Seconds and nanoseconds since 1970, as the API wants them. */
export function toTimestamp(text: string, now = Date.now()): string {
  if (/^\d+(\.\d+)?$/.test(text)) return text;
  const ago = durationOf(text);
  if (ago !== undefined) return fromNanoseconds(BigInt(now) * 1_000_000n - BigInt(ago));
  const [, date = text, zone = ''] = /^(.*T.*?|.*?)(Z|[+-]\d{2}:\d{2})?$/.exec(text) ?? [];
  const completion = patterns.find(([pattern]) => pattern.test(date))?.[1];
  // Without a zone it is the time on this machine's clock.
  const whole = completion === undefined ? Number.NaN : Date.parse(`${date.replace(/\.\d+/, '')}${completion}${zone}`);
  if (Number.isNaN(whole)) throw new ExitError(1, `failed to parse value as time or duration: "${text}"`);
  const fraction = /\.(\d{1,9})/.exec(date)?.[1] ?? '';
  return `${Math.floor(whole / 1000)}.${fraction.padEnd(9, '0')}`;
}

function durationOf(text: string): number | undefined {
  try {
    return readDuration(text);
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function fromNanoseconds(nanoseconds: bigint): string {
  return `${nanoseconds / 1_000_000_000n}.${String(nanoseconds % 1_000_000_000n).padStart(9, '0')}`;
}
