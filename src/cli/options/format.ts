// The `--format` flag of lists and of single things.

export const listFormatFlag = {
  type: 'string',
  summary: 'How to print: table, "table TEMPLATE", json, or a Go template',
} as const;

export const inspectFormatFlag = {
  type: 'string',
  short: 'f',
  summary: 'How to print: json, or a Go template',
} as const;
