// Templates over rows of a list: each column is a method of the row.
import type { ListingType } from './listing.ts';
import { alignTabs } from './tab-writer.ts';
import { TemplateError } from './template/errors.ts';
import { toJson } from './template/json.ts';
import { Template } from './template/template.ts';
import { GoFunction, GoStruct, type Value } from './template/values.ts';

/** A row as a template sees it. */
export function rowValue<Row>(type: ListingType<Row>, row: Row): GoStruct {
  return new GoStruct(type.type, [], {
    method: name => {
      if (Object.hasOwn(type.columns, name)) return new GoFunction(name, [], () => type.columns[name]!.value(row));
      const { label } = type;
      if (name !== 'Label' || !label) return undefined;
      return new GoFunction(name, ['string'], key => label(row, String(key)));
    },
    json: () => rowJson(type, row),
  });
}

function rowJson<Row>(type: ListingType<Row>, row: Row): string {
  const names = Object.keys(type.columns)
    .filter(name => !type.columns[name]!.notInJson)
    .sort();
  return escapeHtml(`{${names.map(name => `"${name}":${toJson(type.columns[name]!.value(row))}`).join(',')}}`);
}

/** Go's encoder makes JSON safe for HTML unless it is told not to. */
export function escapeHtml(json: string): string {
  return json.replace(/[<>&]/g, character => `\\u00${character.charCodeAt(0).toString(16)}`);
}

/** The names of a list's columns, as the template of a table sees them. */
export function headerValue<Row>(type: ListingType<Row>): GoStruct {
  return new GoStruct('formatter.SubHeaderContext', [], {
    method: name => {
      if (Object.hasOwn(type.columns, name)) return new GoFunction(name, [], () => type.columns[name]!.header);
      // The last part of the label's name, with spaces for what stands between words.
      if (name === 'Label') {
        return new GoFunction(name, ['string'], key => String(key).split('.').at(-1)!.replace(/[-_]/g, ' '));
      }
      return new GoFunction(name, [], () => undefined);
    },
  });
}

/** The message of everything that is wrong with a template. */
export function templateParsingError(error: TemplateError): TemplateError {
  return new TemplateError(`template parsing error: ${error.message}`);
}

export class RowTemplate {
  readonly #isTable: boolean;
  readonly #template: Template;

  /** `names` are the columns of the header. */
  constructor(
    private readonly names: GoStruct,
    format: string,
  ) {
    this.#isTable = format.startsWith('table');
    const source = this.#isTable ? format.slice('table'.length) : format === 'json' ? '{{json .}}' : format;
    this.#template = this.#checked(
      () =>
        new Template(
          source
            .replace(/^ +| +$/g, '')
            .replaceAll('\\t', '\t')
            .replaceAll('\\n', '\n'),
        ),
    );
  }

  render(rows: readonly Value[]): string {
    let body = '';
    for (const row of rows) body += `${this.#checked(() => this.#template.execute(row))}\n`;
    return this.#isTable ? alignTabs(`${this.#header()}\n${body}`) : body;
  }

  /** What can't be done with names (a number was expected, say) cuts the header short and is no error. */
  #header(): string {
    try {
      return this.#template.executeHeader(this.names);
    } catch (error) {
      if (error instanceof TemplateError) return error.output;
      throw error;
    }
  }

  #checked<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw error instanceof TemplateError ? templateParsingError(error) : error;
    }
  }
}

/** The columns that a template asks for. Throws when it can't be parsed, or asks for what there isn't. */
export function usedColumns<Row>(type: ListingType<Row>, format: string, emptyRow: Row): Set<string> {
  const used = new Set<string>();
  const columns = Object.fromEntries(
    Object.entries(type.columns).map(([name, column]) => {
      const value = (row: Row) => {
        used.add(name);
        return column.value(row);
      };
      return [name, { ...column, value }];
    }),
  );
  let step = 'parse';
  try {
    const template = new Template(format);
    step = 'execute';
    template.execute(rowValue({ ...type, columns }, emptyRow));
  } catch (error) {
    if (error instanceof TemplateError) throw new TemplateError(`failed to ${step} template: ${error.message}`);
    throw error;
  }
  return used;
}
