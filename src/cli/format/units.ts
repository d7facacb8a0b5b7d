// Sizes as people read them: 1.5kB (powers of 1000) and 1.5KiB (powers of 1024).
import { general } from './float.ts';

const decimal = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];
const binary = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB', 'ZiB', 'YiB'];

function scaled(size: number, base: number, units: readonly string[], digits: number): string {
  let value = size;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return general(value, digits) + units[unit];
}

/** `12.34MB`; tables of images and containers show three digits, most others four. */
export function humanSize(size: number, digits = 4): string {
  return scaled(size, 1000, decimal, digits);
}

/** `11.77MiB`. */
export function bytesSize(size: number): string {
  return scaled(size, 1024, binary, 4);
}
