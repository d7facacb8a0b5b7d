// Flags to requests. testdata/requests.json: what each command line adds to the request of a bare one (base.json).
// testdata/refusals.json: what is wrong with others. Both were compared with the official client when they were written.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import type { ContainerCreateRequest } from '../../../../wire/types.ts';
import { parseFlags } from '../../../framework/flags.ts';
import { createFlags, createRequest } from './create-options.ts';

const testdata = new URL('testdata/', import.meta.url).pathname;
const read = <T>(name: string) => JSON.parse(readFileSync(`${testdata}${name}`, 'utf8')) as T;

type Fields = Record<string, unknown>;

const requests = read<[string[], Fields][]>('requests.json');
const refusals = read<[string[], string][]>('refusals.json');
const base = read<Fields>('base.json');
const before = process.cwd();

beforeAll(() => {
  process.chdir(testdata);
  process.env.FOO = 'fromenv';
});

afterAll(() => {
  process.chdir(before);
  delete process.env.FOO;
});

async function requestFor(args: readonly string[]): Promise<ContainerCreateRequest> {
  const { values, args: rest } = parseFlags(createFlags, args, true);
  return createRequest(values, rest);
}

/** Fields that a case names replace those of the bare request; in these two they replace what is in them. */
function over(bare: Fields, fields: Fields): Fields {
  const merged = { ...bare };
  for (const [name, value] of Object.entries(fields)) {
    const inside = name === 'HostConfig' || name === 'NetworkingConfig';
    merged[name] = inside ? { ...(bare[name] as Fields), ...(value as Fields) } : value;
  }
  return merged;
}

describe('requests', () => {
  for (const [args, fields] of requests)
    test(args.join(' '), async () => {
      const here = process.cwd();
      const request = JSON.stringify(await requestFor(args))
        .replaceAll(here, '$PWD')
        .replaceAll(here.replace(/\/[^/]*$/, ''), '$UP');
      expect(JSON.parse(request)).toEqual(over(base, fields));
    });
});

describe('refusals', () => {
  for (const [args, message] of refusals)
    test(args.join(' '), async () => {
      await expect(requestFor(args)).rejects.toThrow(new Error(message));
    });
});
