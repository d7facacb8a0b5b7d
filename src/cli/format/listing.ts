// Lists: the default table, `--format` with its short names (table, raw, json) and templates, `--quiet`.
// The template engine is loaded only when somebody gives a template.
import { alignTabs } from './tab-writer.ts';
import type { Value } from './template/values.ts';

export interface Column<Row> {
  header: string;
  /** A plain text, or what a template can look into. */
  value(row: Row): Value;
  /** Only templates that name it show it: `{{json .}}` keeps to what scripts know. */
  notInJson?: boolean;
}

export interface ListingType<Row> {
  /** Go's name for a row, which stands in the messages about fields it doesn't have. */
  type: string;
  columns: Readonly<Record<string, Column<Row>>>;
  /** `{{.Label "name"}}`. */
  label?: (row: Row, name: string) => string;
}

export interface Listing<Row> extends ListingType<Row> {
  /** The columns of the default table. */
  table: readonly string[];
  /** What `--format raw` stands for. */
  raw?: string;
  /** The one column of `--quiet`, and the template of `--quiet --format raw`. */
  quiet?: string;
  rawQuiet?: string;
}

export interface ListingOptions {
  /** Empty for the default. */
  format: string;
  quiet?: boolean;
}

/** The rows as text, each with its line break. Throws TemplateError. */
export async function formatListing<Row>(
  listing: Listing<Row>,
  rows: readonly Row[],
  { format, quiet = false }: ListingOptions,
): Promise<string> {
  if (format === '' || format === 'table') {
    if (!quiet || listing.quiet === undefined) return formatTable(listing, rows, listing.table);
    const column = listing.columns[listing.quiet]!;
    return rows.map(row => `${String(column.value(row))}\n`).join('');
  }
  if (format === 'raw') {
    const raw = (quiet ? listing.rawQuiet : listing.raw) ?? format;
    return formatTemplate(listing, rows, raw);
  }
  return formatTemplate(listing, rows, format);
}

/** The default table: columns by name, of texts only. */
export function formatTable<Row>(type: ListingType<Row>, rows: readonly Row[], names: readonly string[]): string {
  const columns = names.map(name => type.columns[name]!);
  let text = `${columns.map(column => column.header).join('\t')}\n`;
  for (const row of rows) text += `${columns.map(column => String(column.value(row))).join('\t')}\n`;
  return alignTabs(text);
}

/** One line (or what the template makes of it) per row; with a header and aligned when the format begins with `table`. */
async function formatTemplate<Row>(type: ListingType<Row>, rows: readonly Row[], format: string): Promise<string> {
  const { headerValue, RowTemplate, rowValue } = await import('./row-template.ts');
  return new RowTemplate(headerValue(type), format).render(rows.map(row => rowValue(type, row)));
}

/** Labels as one text, sorted as Docker sorts them for containers. */
export function labelsText(labels: Readonly<Record<string, string>> | null | undefined): string {
  if (!labels) return '';
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',');
}
