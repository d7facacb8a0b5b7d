// The formats of cgroup files. A file that is not there (its controller is off, or the container has gone) reads as undefined.
import { readFileSync, writeFileSync } from 'node:fs';
import { errnoOf } from '../../lib/errors.ts';

const absent = new Set(['ENOENT', 'ENODEV', 'ENOTDIR', 'EOPNOTSUPP']);
export const isAbsent = (error: unknown): boolean => absent.has(errnoOf(error) ?? '');

export function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** A file with one number; 'max' is Infinity. */
export function readNumber(file: string): number | undefined {
  const text = readText(file)?.trim();
  if (text === undefined || text === '') return undefined;
  return text === 'max' ? Number.POSITIVE_INFINITY : Number(text);
}

/** Lines of `key value`. */
export function readTable(file: string): Record<string, number> | undefined {
  const text = readText(file);
  if (text === undefined) return undefined;
  const table: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) table[line.slice(0, space)] = Number(line.slice(space + 1));
  }
  return table;
}

export function write(file: string, value: string | number): void {
  writeFileSync(file, String(value));
}
