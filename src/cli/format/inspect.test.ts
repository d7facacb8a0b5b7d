import { expect, test } from 'bun:test';
import { Cli } from '../framework/cli.ts';
import { parseFlags } from '../framework/flags.ts';
import { globalFlags } from '../framework/globals.ts';
import { MemoryOutput } from '../framework/output.ts';
import { inspect, layOutJson } from './inspect.ts';
import { optional, pointerTo, struct } from './shapes/shape.ts';

const health = struct('x.Health', { Status: 'string' });
const thing = struct('x.Thing', {
  ID: { shape: 'string', json: 'Id' },
  Size: 'int',
  Health: optional(pointerTo(health)),
});

async function run(format: string, names: string[], typedOnly = false) {
  const out = new MemoryOutput();
  const cli = new Cli(parseFlags(globalFlags, []).values, { out, err: new MemoryOutput() });
  const find = async (name: string) => {
    if (name.startsWith('no')) throw new Error(`No such thing: ${name}`);
    return {
      raw: `{"Id":"${name}", "New":[1,{}], "Size":12345678901234567890}\n`,
      shape: async () => thing,
      typedOnly,
    };
  };
  try {
    await inspect(cli, names, format, find);
    return { out: out.text };
  } catch (error) {
    return { out: out.text, error: String(error) };
  }
}

test('JSON is laid out anew and otherwise left alone', () => {
  expect(layOutJson('{"b":1.50,"a":[ ],"c":{"d":[1,"x,{}"]}}', '  ')).toBe(
    '{\n  "b": 1.50,\n  "a": [],\n  "c": {\n    "d": [\n      1,\n      "x,{}"\n    ]\n  }\n}',
  );
  expect(layOutJson('{ "b" : [1, 2], "s": "a b" }', undefined)).toBe('{"b":[1,2],"s":"a b"}');
});

test('what was found is printed, then what was not is told', async () => {
  const { out, error } = await run('json', ['a', 'no1', 'b', 'no2']);
  expect(JSON.parse(out).map((found: { Id: string }) => found.Id)).toEqual(['a', 'b']);
  expect(error).toContain('No such thing: no1\nNo such thing: no2');
});

test('nothing found is an empty list', async () => {
  expect((await run('', ['no'])).out).toBe('[]\n');
  expect((await run('{{.Id}}', ['no'])).out).toBe('\n');
});

test('templates see the fields that Go clients know, and then the plain JSON', async () => {
  expect(await run('{{.ID}} {{.Health}}', ['a', 'b'])).toEqual({ out: 'a <nil>\nb <nil>\n' });
  expect(await run('{{.Id}} {{.New}} {{.Size}}', ['a'])).toEqual({ out: 'a [1 map[]] 12345678901234567890\n' });
  expect((await run('{{.Other}}', ['a'])).error).toContain('map has no entry for key "Other"');
});

test('objects that are known in full have no other fields', async () => {
  expect((await run('{{.New}}', ['a'], true)).error).toContain("can't evaluate field New in type x.Thing");
  expect((await run('json', ['a'], true)).out).toBe('[{"Id":"a","Size":12345678901234567890}]\n');
});

test('a template that is none ends with 64', async () => {
  expect((await run('{{.Id', ['a'])).error).toBe('ExitError: template parsing error: template: :1: unclosed action');
});
