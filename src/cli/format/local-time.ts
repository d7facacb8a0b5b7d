// Points in time in the local zone, as Go prints them: `2024-05-01 12:00:00 +0200 CEST`.

const two = (n: number) => String(n).padStart(2, '0');

function offsetText(minutes: number, colon = ''): string {
  const sign = minutes < 0 ? '-' : '+';
  const absolute = Math.abs(minutes);
  return `${sign}${two(Math.trunc(absolute / 60))}${colon}${two(absolute % 60)}`;
}

function dateText(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function clockText(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Go's time.Time, printed. `fraction` is what comes after the seconds, point included. */
export function localTimeText(unixSeconds: number, fraction = ''): string {
  const date = new Date(unixSeconds * 1000);
  const offset = -date.getTimezoneOffset();
  return `${dateText(date)} ${clockText(date)}${fraction} ${offsetText(offset)} ${zoneName(offset)}`;
}

/** RFC 3339 in the local zone. `fraction` is what comes after the seconds, point included. */
export function localRfc3339(unixSeconds: number, fraction = ''): string {
  const date = new Date(unixSeconds * 1000);
  const offset = -date.getTimezoneOffset();
  return `${dateText(date)}T${clockText(date)}${fraction}${offset === 0 ? 'Z' : offsetText(offset, ':')}`;
}

let names: Map<number, string> | undefined;

/** The local zone's name for an offset in minutes; the offset itself where the zone has none. */
function zoneName(offset: number): string {
  names ??= readZoneNames();
  return names.get(offset) ?? offsetText(offset);
}

function zoneFile(): string | undefined {
  const zone = process.env['TZ'];
  if (zone === undefined) return '/etc/localtime';
  const name = zone.replace(/^:/, '');
  if (name === '' || name === 'UTC') return undefined;
  return name.startsWith('/') ? name : `/usr/share/zoneinfo/${name}`;
}

function readZoneNames(): Map<number, string> {
  const file = zoneFile();
  if (file === undefined) return new Map([[0, 'UTC']]);
  try {
    // An import would cost every list 3 ms at its start; few show a zone's name.
    return parseZoneNames(process.getBuiltinModule('node:fs').readFileSync(file));
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    // Without the zone's file the offset is all there is to say.
    return new Map([[0, 'UTC']]);
  }
}

const HEADER = 44;

/** The names by offset of a zone file (RFC 9636); of several names for one offset the one that was used last counts. */
export function parseZoneNames(file: Buffer): Map<number, string> {
  if (file.toString('latin1', 0, 4) !== 'TZif') return new Map();
  // Since version 2 the data comes once more with wider times, and the narrow copy may be empty.
  const narrow = readBlock(file, 4);
  return file[4]! >= 0x32 ? readBlock(file.subarray(narrow.length), 8).names : narrow.names;
}

function readBlock(block: Buffer, timeSize: number): { names: Map<number, string>; length: number } {
  const count = (at: number) => block.readUInt32BE(at);
  const [utFlags, standardFlags, leaps, transitions, types, characters] = [20, 24, 28, 32, 36, 40].map(count) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const indexesAt = HEADER + transitions * timeSize;
  const typesAt = indexesAt + transitions;
  const namesAt = typesAt + types * 6;
  const length = namesAt + characters + leaps * (timeSize + 4) + standardFlags + utFlags;
  const table = block.subarray(namesAt, namesAt + characters);
  const names = new Map<number, string>();
  const add = (type: number) => {
    const at = typesAt + type * 6;
    const start = block[at + 5]!;
    names.set(block.readInt32BE(at) / 60, table.toString('latin1', start, table.indexOf(0, start)));
  };
  for (let type = 0; type < types; type++) add(type);
  for (let i = 0; i < transitions; i++) add(block[indexesAt + i]!);
  return { names, length };
}
