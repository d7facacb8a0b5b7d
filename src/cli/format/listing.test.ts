import { expect, test } from 'bun:test';
import { formatListing, type Listing } from './listing.ts';
import { usedColumns } from './row-template.ts';

interface Row {
  id: string;
  labels: Record<string, string>;
}

const listing: Listing<Row> = {
  type: '*x.Context',
  table: ['ID', 'Labels'],
  raw: 'id: {{.ID}}\\nlabels: {{.Labels}}\\n',
  quiet: 'ID',
  rawQuiet: 'id: {{.ID}}',
  columns: {
    ID: { header: 'THING ID', value: row => row.id },
    Labels: { header: 'LABELS', value: row => Object.keys(row.labels).join(',') },
    Hidden: { header: 'HIDDEN', value: () => 'h', notInJson: true },
  },
  label: (row, name) => row.labels[name] ?? '',
};

const rows: Row[] = [
  { id: 'a<1>', labels: { 'com.example.some-name': 'v' } },
  { id: 'b', labels: {} },
];

const formatted = (format: string, quiet = false) => formatListing(listing, rows, { format, quiet });

test('the table is the default', async () => {
  const table = 'THING ID   LABELS\na<1>       com.example.some-name\nb          \n';
  expect(await formatted('')).toBe(table);
  expect(await formatted('table')).toBe(table);
});

test('quiet shows one column', async () => {
  expect(await formatted('', true)).toBe('a<1>\nb\n');
  expect(await formatted('raw', true)).toBe('id: a<1>\nid: b\n');
});

test('raw and json stand for templates', async () => {
  expect(await formatted('raw')).toBe('id: a<1>\nlabels: com.example.some-name\n\nid: b\nlabels: \n\n');
  const json = '{"ID":"a\\u003c1\\u003e","Labels":"com.example.some-name"}\n{"ID":"b","Labels":""}\n';
  expect(await formatted('json')).toBe(json);
  expect(await formatted('{{json .}}')).toBe(json);
});

test('a table of a template has a header, labels too', async () => {
  expect(await formatted('table {{.ID}}\\t{{.Label "com.example.some-name"}}')).toBe(
    'THING ID   some name\na<1>       v\nb          \n',
  );
  expect(await formatted('table {{lower .ID}}|{{.Nothing}}').catch(String)).toContain("can't evaluate field Nothing");
});

test('wrong templates say where', async () => {
  expect(await formatted('{{.Nothing}}').catch(String)).toContain(
    `template parsing error: template: :1:2: executing "" at <.Nothing>: can't evaluate field Nothing in type *x.Context`,
  );
  expect(await formatted('{{.ID').catch(String)).toContain('template parsing error: template: :1: unclosed action');
});

test('which columns a template uses', () => {
  const used = usedColumns(listing, 'table {{.ID}} {{if .Hidden}}x{{end}}', rows[0]!);
  expect([...used]).toEqual(['ID', 'Hidden']);
  expect(() => usedColumns(listing, '{{.X}}', rows[0]!)).toThrow('failed to execute template: ');
});
