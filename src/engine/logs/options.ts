// Options that several log drivers share, with Docker's rules for their values.
import { invalid } from '../../lib/errors.ts';

export type LogOptions = Readonly<Record<string, string>>;

const decimalUnits: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 };

/** "10m", "1.5GB", "512": units of a thousand, as Docker reads sizes of logs. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text);
  if (!match) throw invalid(`invalid size: '${text}'`);
  return Math.floor(Number(match[1]) * decimalUnits[match[2]!.toLowerCase()]!);
}

export function parseCount(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw invalid(`strconv.Atoi: parsing "${text}": invalid syntax`);
  return Number(text);
}

export function parseBoolean(text: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false;
  throw invalid(`strconv.ParseBool: parsing "${text}": invalid syntax`);
}

/**
 * Options that go with every driver. `mode=non-blocking` asks that a container never waits for its log; here no container ever waits
 * for a daemon or a slow reader in either mode, so all there is to do is to know the words.
 */
export function validateCommonOptions(options: LogOptions): void {
  const mode = options['mode'] ?? '';
  if (!['', 'blocking', 'non-blocking'].includes(mode)) throw invalid(`logger: logging mode not supported: ${mode}`);
  const buffer = options['max-buffer-size'];
  if (buffer === undefined) return;
  if (mode !== 'non-blocking') {
    throw invalid(`logger: max-buffer-size option is only supported with 'mode=non-blocking'`);
  }
  parseSize(buffer);
}

const commonOptions = ['mode', 'max-buffer-size'];
export const attributeOptions = ['labels', 'labels-regex', 'env', 'env-regex', 'tag'];

export function rejectUnknown(options: LogOptions, known: readonly string[], driver: string): void {
  for (const option of Object.keys(options)) {
    if (known.includes(option) || commonOptions.includes(option)) continue;
    throw invalid(`unknown log opt '${option}' for ${driver}`);
  }
}
