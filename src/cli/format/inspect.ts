// What `inspect` prints: JSON as the engine sent it, or a template over the object.
import type { Cli } from '../framework/cli.ts';
import { ExitError } from '../framework/errors.ts';
import type { Shape } from './shapes/shape.ts';
import type { Value } from './template/values.ts';

/** An object as it was found. */
export interface Found {
  /** JSON, as it came. */
  raw: string;
  /** Without one, templates see the plain JSON. */
  shape?: () => Promise<Shape>;
  /** The object has nothing but the fields of its shape: what else came is not shown. */
  typedOnly?: boolean;
  /** Puts in what Go clients know and newer engines no longer send. */
  complete?: () => Promise<(json: Value) => Value>;
}

/** Looks up each name, prints what was found, and fails at the end with what was not. */
export async function inspect(
  cli: Cli,
  names: readonly string[],
  format: string,
  find: (name: string) => Promise<Found>,
): Promise<void> {
  const printer = await printerFor(format);
  const errors: string[] = [];
  for (const lookUp of lookUpAll(names, find)) {
    try {
      await printer.add(await lookUp);
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error));
    }
  }
  cli.out.write(printer.text());
  if (errors.length > 0) throw new ExitError(1, errors.join('\n'));
}

const AT_ONCE = 8;

/** Some at a time, in order: nobody waits for an answer before the next question is asked. */
function* lookUpAll(names: readonly string[], find: (name: string) => Promise<Found>): Generator<Promise<Found>> {
  const begun: Promise<Found>[] = [];
  for (let next = 0; next < names.length; next++) {
    while (begun.length < Math.min(names.length, next + AT_ONCE)) {
      const lookUp = find(names[begun.length]!);
      // Whoever takes it gets the failure; until then it must not count as unhandled.
      lookUp.catch(() => undefined);
      begun.push(lookUp);
    }
    yield begun[next]!;
  }
}

interface Printer {
  add(found: Found): Promise<void> | void;
  text(): string;
}

async function printerFor(format: string): Promise<Printer> {
  if (format === '' || format === 'json') return new JsonPrinter(format === '' ? '    ' : undefined);
  const { InspectTemplate } = await import('./inspect-template.ts');
  return new InspectTemplate(format);
}

class JsonPrinter implements Printer {
  readonly #raw: string[] = [];

  constructor(private readonly indent: string | undefined) {}

  async add(found: Found): Promise<void> {
    this.#raw.push(found.typedOnly ? await (await import('./inspect-template.ts')).typedJson(found) : found.raw.trim());
  }

  text(): string {
    return `${layOutJson(`[${this.#raw.join(',')}]`, this.indent)}\n`;
  }
}

/** Lays JSON out anew without touching its keys' order and its numbers; with no indent everything is on one line. */
export function layOutJson(json: string, indent: string | undefined): string {
  const gap = indent === undefined ? '' : ' ';
  let depth = 0;
  const newline = () => (indent === undefined ? '' : `\n${indent.repeat(depth)}`);
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
  let out = '';
  let opened = false;
  for (const [token] of json.matchAll(tokens)) {
    const closes = token === '}' || token === ']';
    if (opened && !closes) out += newline();
    if (closes) depth--;
    if (closes && !opened) out += newline();
    out += token;
    opened = token === '{' || token === '[';
    if (opened) depth++;
    else if (token === ',') out += newline();
    else if (token === ':') out += gap;
  }
  return out;
}
