// What a log says about its container besides the output: chosen labels and variables, and the tag.
import { hostname } from 'node:os';
import { invalid, messageOf } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import type { LogContext } from './log-driver.ts';
import type { LogOptions } from './options.ts';

function pattern(options: LogOptions, name: string): RegExp | undefined {
  const text = options[name];
  if (!text) return undefined;
  try {
    return new RegExp(text, 'u');
  } catch (error) {
    throw invalid(`invalid ${name}: ${messageOf(error)}`, error);
  }
}

const tagFields: Record<string, (context: LogContext) => string> = {
  ID: context => shortId(context.containerId),
  FullID: context => context.containerId,
  Name: context => context.containerName.replace(/^\//, ''),
  ImageID: context => shortId(context.imageId),
  ImageFullID: context => context.imageId,
  ImageName: context => context.imageName,
  DaemonName: context => context.daemonName,
  Command: context => [context.entrypoint, ...context.args].join(' '),
  Hostname: () => hostname(),
};

/** Calls back for each {{.Field}} of a tag; anything else between braces is refused rather than logged as it stands. */
function replaceFields(template: string, field: (name: string) => string): string {
  return template.replace(/\{\{-?\s*(.*?)\s*-?\}\}/g, (_all, expression: string) => {
    const name = /^\.(\w+)$/.exec(expression)?.[1];
    if (!name || !(name in tagFields))
      throw invalid(
        `log tag: {{${expression}}} is not understood; a tag may name ${Object.keys(tagFields)
          .map(known => `{{.${known}}}`)
          .join(', ')}`,
      );
    return field(name);
  });
}

/** Throws 'invalid' for a pattern or a tag that makes no sense. */
export function validateAttributes(options: LogOptions): void {
  pattern(options, 'labels-regex');
  pattern(options, 'env-regex');
  replaceFields(options['tag'] ?? '', () => '');
}

function choose(from: Readonly<Record<string, string>>, names: string | undefined, regex: RegExp | undefined) {
  const chosen: [string, string][] = [];
  for (const name of names ? names.split(',') : []) if (name in from) chosen.push([name, from[name]!]);
  if (regex) chosen.push(...Object.entries(from).filter(([name]) => regex.test(name)));
  return chosen;
}

/** Sorted by name. */
export function logAttributes(context: LogContext): [name: string, value: string][] {
  const { options } = context;
  const env = Object.fromEntries(
    context.env
      .filter(entry => entry.includes('='))
      .map(entry => {
        const equals = entry.indexOf('=');
        return [entry.slice(0, equals), entry.slice(equals + 1)];
      }),
  );
  const attributes = new Map<string, string>([
    ...choose(context.labels, options['labels'], pattern(options, 'labels-regex')),
    ...choose(env, options['env'], pattern(options, 'env-regex')),
  ]);
  const tag = replaceFields(options['tag'] ?? '', name => tagFields[name]!(context));
  if (tag) attributes.set('tag', tag);
  return [...attributes].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** As `logs --details` shows them. */
export function detailsText(attributes: readonly (readonly [string, string])[]): string {
  return attributes.map(([name, value]) => `${queryEscape(name)}=${queryEscape(value)}`).join(',');
}

/** As Go escapes a query: a space is a plus. */
function queryEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
