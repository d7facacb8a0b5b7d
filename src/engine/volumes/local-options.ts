// Options of the local driver: a file system to mount in the volume's place.
import { lookup } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import { mountWithOptions } from '../../kernel/mount-options.ts';
import { errnoOf, failed, invalid, messageOf } from '../../lib/errors.ts';

export type DriverOptions = Readonly<Record<string, string>>;

const known = ['type', 'device', 'o', 'size'];

/** Throws 'invalid' for options that make no sense, as Docker words it. */
export function validateDriverOptions(options: DriverOptions): void {
  for (const option of Object.keys(options)) {
    if (!known.includes(option)) throw invalid(`invalid option: "${option}"`);
  }
  const { type, device, o } = options;
  if (type === 'cifs' && device && /^[a-z]*:?\/\/[^/]*:\d+(\/|$)/i.test(device)) {
    throw invalid("port not allowed in CIFS device URL, include 'port' in 'o='");
  }
  if (options['size'] !== undefined) {
    if (!/^\d+(\.\d+)? ?([kmgtp]?i?b?)$/i.test(options['size'])) throw invalid(`invalid size: '${options['size']}'`);
    throw invalid('quota size requested but no quota support');
  }
  const missing = (option: string) => invalid(`missing required option: "${option}"`);
  if (device !== undefined && type === undefined) throw missing('type');
  if (type !== undefined && device === undefined) throw missing('device');
  if (o !== undefined && device === undefined) throw missing('device');
}

export function needsMount(options: DriverOptions): boolean {
  return Boolean(options['device'] || options['type']);
}

export async function mountDevice(options: DriverOptions, target: string): Promise<void> {
  const { type = '', device = '', o = '' } = options;
  if (device === '') throw failed('missing device in volume options');
  const words = await resolveAddress(type, o);
  try {
    mountWithOptions(device, target, type, words);
  } catch (error) {
    const shown = words.replace(/password=[^,]*/g, 'password=********');
    const data = shown === '' ? '' : `, data: ${shown}`;
    throw failed(`failed to mount local volume: mount ${device}:${target}${data}: ${reasonOf(error)}`, error);
  }
}

/** The kernel takes a server only by its address. */
async function resolveAddress(type: string, words: string): Promise<string> {
  if (type !== 'nfs' && type !== 'cifs') return words;
  const server = /(?:^|,)addr=([^,]*)/.exec(words)?.[1];
  if (!server || isIPv4(server)) return words;
  try {
    const { address } = await lookup(server);
    return words.replace(`addr=${server}`, `addr=${address}`);
  } catch (error) {
    throw failed(`error resolving passed in network volume address: ${messageOf(error)}`, error);
  }
}

const reasons: Record<string, string> = {
  ENOENT: 'no such file or directory',
  ENODEV: 'no such device',
  ENOTBLK: 'block device required',
  EINVAL: 'invalid argument',
  EPERM: 'operation not permitted',
  EACCES: 'permission denied',
  EBUSY: 'device or resource busy',
  ENOTDIR: 'not a directory',
};

function reasonOf(error: unknown): string {
  return reasons[errnoOf(error) ?? ''] ?? messageOf(error);
}
