import { textLines } from '../../../client/json-lines.ts';
import { eventBytes } from '../../../client/system.ts';
import type { EventMessage } from '../../../wire/types.ts';
import { localRfc3339 } from '../../format/local-time.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { toTimestamp } from '../../framework/timestamp.ts';
import { filterFlag, toFilters } from '../../options/filters.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'Show what happens in the engine',
  arguments: noArguments,
  flags: {
    filter: filterFlag('Only events that match: type=container, event=start, container=name, ...'),
    format: { type: 'string', summary: 'How to print: json, or a Go template' },
    since: { type: 'string', summary: 'From then on: a time, or how long ago (42m)' },
    until: { type: 'string', summary: 'Until then: a time, or how long ago (42m)' },
  },
  async run(cli, flags) {
    const print = flags.format === '' ? eventText : await templatePrinter(flags.format);
    const time = (text: string) => (text === '' ? '' : toTimestamp(text));
    const source = await eventBytes(await cli.client(), {
      since: time(flags.since),
      until: time(flags.until),
      filters: toFilters(flags.filter),
    });
    for await (const line of textLines(source)) {
      cli.out.line(print(line));
      await cli.out.flush();
    }
  },
});

/** One event as a line for people. */
export function eventText(json: string): string {
  const event: EventMessage = JSON.parse(json);
  const { ID = '', Attributes: attributes } = event.Actor ?? {};
  const pairs = Object.keys(attributes ?? {})
    .sort()
    .map(name => `${name}=${attributes![name]}`);
  const details = pairs.length > 0 ? ` (${pairs.join(', ')})` : '';
  return `${timeOf(json, event)}${event.Type} ${event.Action} ${ID}${details}`;
}

/** The nanoseconds are taken from the text: as a number they would be rounded. */
function timeOf(json: string, event: EventMessage): string {
  const nanoseconds = /"timeNano":(\d+)/.exec(json)?.[1];
  if (nanoseconds !== undefined && nanoseconds !== '0') {
    const digits = nanoseconds.padStart(10, '0');
    return `${localRfc3339(Number(digits.slice(0, -9)), `.${digits.slice(-9)}`)} `;
  }
  return event.time ? `${localRfc3339(event.time, '.000000000')} ` : '';
}

async function templatePrinter(format: string): Promise<(json: string) => string> {
  const [{ Template }, { TemplateError }, { parseJson }, { decode }, { event }] = await Promise.all([
    import('../../format/template/template.ts'),
    import('../../format/template/errors.ts'),
    import('../../format/template/json.ts'),
    import('../../format/shapes/shape.ts'),
    import('../../format/shapes/event.ts'),
  ]);
  try {
    const template = new Template(format === 'json' ? '{{json .}}' : format);
    // What no event has is found out now, not when the first one comes.
    template.execute(decode(event, undefined));
    return json => template.execute(decode(event, parseJson(json)));
  } catch (error) {
    if (error instanceof TemplateError) throw new ExitError(64, `Error parsing format: ${error.message}`);
    throw error;
  }
}
