// NAME=value: environment variables and labels, from flags and from files.
import { errnoOf } from '../../../../lib/errors.ts';

/** NAME without a value takes the client's own; if there is none, the engine takes the variable away. */
export function validateEnv(text: string): string {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (name === '') throw new Error(`invalid environment variable: ${text}`);
  const own = process.env[name];
  return equals < 0 && own !== undefined ? `${name}=${own}` : text;
}

export function validateLabel(text: string): string {
  const key = text.split('=', 1)[0]!.replace(/^[ \t]+/, '');
  if (key === '') throw new Error(`invalid label '${text}': empty name`);
  if (/[ \t]/.test(key)) throw new Error(`label '${key}' contains whitespaces`);
  return text;
}

/** Variables of the files, then those of the flags: later ones win. */
export async function readEnvironment(files: readonly string[], variables: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const file of files) lines.push(...(await readKeyValueFile(file, name => process.env[name])));
  return [...lines, ...variables];
}

/** A file of NAME=value lines; `#` begins a comment. A name alone is looked up, and left out if that finds nothing. */
export async function readKeyValueFile(
  path: string,
  lookUp: (name: string) => string | undefined = () => undefined,
): Promise<string[]> {
  let bytes: Uint8Array;
  try {
    bytes = await Bun.file(path).bytes();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') {
      throw new Error(`open ${path}: no such file or directory`);
    }
    throw error;
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Error(`invalid env file (${path}): invalid utf8 bytes`);
  }
  const lines: string[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trimStart();
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    const name = equals < 0 ? line : line.slice(0, equals);
    if (name === '') throw new Error(`invalid env file (${path}): no variable name on line '${line}'`);
    if (/[ \t]/.test(name)) throw new Error(`invalid env file (${path}): variable '${name}' contains whitespaces`);
    const own = equals < 0 ? lookUp(name) : undefined;
    if (equals >= 0) lines.push(line);
    else if (own !== undefined) lines.push(`${name}=${own}`);
  }
  return lines;
}
