import { worstGrowth, writeJsonText } from './json-text.ts';

function goString(text: string): string {
  const bytes = Buffer.from(text);
  const out = Buffer.allocUnsafe(worstGrowth * bytes.length);
  return `"${out.toString('utf8', 0, writeJsonText(bytes, 0, bytes.length, out, 0))}"`;
}

/** An object of strings as Go would write it. */
export function goJson(entries: readonly (readonly [string, string])[]): string {
  return `{${entries.map(([name, value]) => `${goString(name)}:${goString(value)}`).join(',')}}`;
}
