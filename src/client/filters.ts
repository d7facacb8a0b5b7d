/** Filters by name, each with the values of which one must match: `{ status: ['running'] }`. */
export type Filters = Record<string, readonly string[]>;

/** The form in which filters travel in a query; nothing if there are none. */
export function filterQuery(filters: Filters | undefined): string | undefined {
  if (!filters || Object.keys(filters).length === 0) return undefined;
  const wire: Record<string, Record<string, true>> = {};
  for (const name in filters) {
    wire[name] = Object.fromEntries(filters[name]!.map(value => [value, true] as const));
  }
  return JSON.stringify(wire);
}
