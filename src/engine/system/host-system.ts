// What the machine says of itself, for `info`.
import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { errnoOf } from '../../lib/errors.ts';

export interface OperatingSystem {
  name: string;
  version: string;
}

export function operatingSystem(): OperatingSystem {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    const text = readIfThere(path);
    if (text !== undefined) return parseOsRelease(text);
  }
  return { name: '', version: '' };
}

export function parseOsRelease(text: string): OperatingSystem {
  const value = (key: string) => {
    const line = new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
    return line.replace(/^(["'])(.*)\1$/, '$2').replace(/\\(["'\\$`])/g, '$1');
  };
  return { name: value('PRETTY_NAME') || value('NAME') || 'Linux', version: value('VERSION_ID') };
}

/** File systems by the number the kernel gives them, in Docker's words. */
const fileSystems: Readonly<Record<number, string>> = {
  61267: 'extfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
  26985: 'nfs',
  4076150800: 'f2fs',
  3393526350: 'bcachefs',
};

export function fileSystemOf(path: string): string {
  return fileSystems[statfsSync(path).type >>> 0] ?? '<unknown>';
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
