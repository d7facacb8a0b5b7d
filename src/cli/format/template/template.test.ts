// The cases were recorded from Docker's own client, given the same object: text for text, errors included.
import { describe, expect, test } from 'bun:test';
import { decode } from '../shapes/shape.ts';
import { volume } from '../shapes/volume.ts';
import { TemplateError } from './errors.ts';
import { parseJson } from './json.ts';
import { Template } from './template.ts';
import recorded from './testdata/cases.json';
import { GoFunction, GoMap, GoStruct, type Value } from './values.ts';

function run(template: string, data: Value): string {
  try {
    return new Template(template).execute(data);
  } catch (error) {
    if (error instanceof TemplateError) return `error: ${error.message}`;
    throw error;
  }
}

describe('templates print what Docker prints', () => {
  const data = decode(volume, parseJson(JSON.stringify(recorded.data)));
  for (const { template, output, error } of recorded.cases) {
    test(template, () => {
      expect(run(template, data)).toBe(error === undefined ? (output ?? '') : `error: ${error}`);
    });
  }
});

describe('untyped objects', () => {
  const data = parseJson('{"A":{"B":[1,12345678901234567890,"x"]},"N":null}');

  test('numbers keep their text', () => {
    expect(run('{{.A.B}} {{index .A.B 1}} {{json .}}', data)).toBe(
      '[1 12345678901234567890 x] 12345678901234567890 {"A":{"B":[1,12345678901234567890,"x"]},"N":null}',
    );
  });

  test('a missing key is an error where that is asked for', () => {
    const template = new Template('{{.A.C}}');
    expect(template.execute(data)).toBe('<no value>');
    expect(() => template.execute(data, { missingKeyIsError: true })).toThrow(
      'template: :1:4: executing "" at <.A.C>: map has no entry for key "C"',
    );
  });
});

describe('methods', () => {
  const methods = new Map([
    ['ID', new GoFunction('ID', [], () => 'abc')],
    ['Label', new GoFunction('Label', ['string'], name => `<${String(name)}>`)],
  ]);
  const row = new GoStruct('*formatter.Row', [], { method: name => methods.get(name) });

  test('are called by name, with arguments', () => {
    expect(run('{{.ID}} {{.Label "x"}} {{"y" | .Label}}', row)).toBe('abc <x> <y>');
  });

  test('check their arguments', () => {
    expect(run('{{.Label}}', row)).toBe(
      'error: template: :1:2: executing "" at <.Label>: wrong number of args for Label: want 1 got 0',
    );
    expect(run('{{.Label 5}}', row)).toBe('error: template: :1:9: executing "" at <5>: expected string; found 5');
    expect(run('{{.Other}}', row)).toBe(
      `error: template: :1:2: executing "" at <.Other>: can't evaluate field Other in type *formatter.Row`,
    );
  });
});

test('the header of a table leaves names alone and keeps padding', () => {
  const header = new GoMap(new Map<string, Value>([['ID', 'CONTAINER ID']]), false, 'formatter.SubHeaderContext');
  expect(new Template('{{lower .ID}} {{pad .ID 1 1}}|{{truncate .ID 3}}').executeHeader(header)).toBe(
    'CONTAINER ID  CONTAINER ID |CONTAINER ID',
  );
});

test('templates that call themselves end', () => {
  expect(run('{{define "A"}}{{template "A"}}{{end}}{{template "A"}}', undefined)).toContain(
    'exceeded maximum template depth',
  );
});
