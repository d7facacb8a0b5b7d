import { invalid } from './errors.ts';

const UNITS: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's notation: "1h30m", "1.5s", "-2h". In milliseconds; undefined when it is none. */
export function parseGoDuration(text: string): number | undefined {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.exec(text);
  if (!match) return text === '0' ? 0 : undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(number) * UNITS[unit!]!;
  }
  return match[1] === '-' ? -total : total;
}

/**
 * A moment as the API takes it: Unix seconds with a fraction, RFC 3339 and its shorter forms, or a duration before now.
 */
export function parseTimestamp(text: string, now = Date.now()): Date {
  if (/^\d+(\.\d+)?$/.test(text)) return new Date(Number(text) * 1000);
  const duration = parseGoDuration(text);
  if (duration !== undefined) return new Date(now - duration);
  if (/^\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?)?(Z|[+-]\d{2}:\d{2})?$/.test(text)) {
    const hourOnly = /T\d{2}(Z|[+-]\d{2}:\d{2})?$/.exec(text);
    const date = new Date(hourOnly ? text.replace(/T(\d{2})/, 'T$1:00') : text);
    if (!Number.isNaN(date.getTime())) return date;
  }
  throw invalid(`invalid timestamp "${text}": use Unix seconds, RFC 3339, or a duration such as 10m`);
}
