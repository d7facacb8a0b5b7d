// How Go prints points in time and durations.

const timePattern = /^(\d{4,}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|([+-]\d\d):(\d\d))$/;

/** A time of JSON as Go's time.Time prints: `2024-05-01 10:20:30.5 +0000 UTC`. */
export function timeText(rfc3339: string): string {
  const match = timePattern.exec(rfc3339);
  if (!match) return rfc3339;
  const [, date, clock, digits = '', zone, hours, minutes] = match;
  const fraction = digits.slice(0, 9).replace(/0+$/, '');
  const offset = zone === 'Z' ? '+0000 UTC' : `${hours}${minutes} ${hours}${minutes}`;
  return `${date} ${clock}${fraction === '' ? '' : `.${fraction}`} ${offset}`;
}

/** `1m30s`, `1.5s`, `300ms`. */
export function durationText(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s';
  const sign = nanoseconds < 0n ? '-' : '';
  const total = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (total < 1_000_000_000n) {
    const [unit, size] = total < 1000n ? ['ns', 1] : total < 1_000_000n ? ['µs', 1e3] : (['ms', 1e6] as const);
    return `${sign}${Number(total) / size}${unit}`;
  }
  const hours = total / 3_600_000_000_000n;
  const minutes = (total / 60_000_000_000n) % 60n;
  const seconds = (total / 1_000_000_000n) % 60n;
  const fraction = (total % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  let text = sign;
  if (hours > 0n) text += `${hours}h`;
  if (hours > 0n || minutes > 0n) text += `${minutes}m`;
  return `${text}${seconds}${fraction === '' ? '' : `.${fraction}`}s`;
}
