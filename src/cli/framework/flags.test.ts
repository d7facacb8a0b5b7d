import { describe, expect, test } from 'bun:test';
import { FlagError } from './errors.ts';
import { isGiven, parseFlags } from './flags.ts';

const table = {
  all: { type: 'bool', short: 'a', summary: '' },
  proxy: { type: 'bool', default: true, summary: '' },
  tty: { type: 'bool', short: 't', summary: '' },
  name: { type: 'string', short: 'n', summary: '' },
  publish: { type: 'list', short: 'p', summary: '' },
  words: { type: 'stringSlice', summary: '' },
  options: { type: 'map', summary: '' },
  count: { type: 'int', short: 'c', default: -1, summary: '' },
  time: { type: 'int', formerly: { oldtime: 'use --time instead' }, summary: '' },
  network: { type: 'list', also: ['net'], summary: '' },
  odd: {
    type: 'string',
    parse: (text: string) => {
      if (text.length % 2 === 0) throw new Error('even');
      return text;
    },
    summary: '',
  },
} as const;

const parse = (...args: string[]) => parseFlags(table, args);
const failure = (...args: string[]) => {
  try {
    parse(...args);
  } catch (error) {
    if (error instanceof FlagError) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
};

test('without any flag everything has its default', () => {
  const { values, args, help } = parse('x', 'y');
  expect(values).toMatchObject({ all: false, proxy: true, name: '', publish: [], options: {}, count: -1, time: 0 });
  expect(args).toEqual(['x', 'y']);
  expect(help).toBe(false);
  expect(isGiven(values, 'all')).toBe(false);
});

test.each([
  [['--name', 'x']],
  [['--name=x']],
  [['-n', 'x']],
  [['-nx']],
  [['-n=x']],
  [['-an', 'x']],
  [['-anx']],
  [['y', '--name', 'x']],
])('%p sets the name', args => {
  const { values } = parse(...args);
  expect(values.name).toBe('x');
  expect(isGiven(values, 'name')).toBe(true);
});

test('a value may look like a flag', () => {
  expect(parse('--name', '--all').values).toMatchObject({ name: '--all', all: false });
  expect(parse('--name', '--').values.name).toBe('--');
  expect(parse('-n', '-').values.name).toBe('-');
});

test('lists and maps gather', () => {
  const { values } = parse('-p80:80', '-p', '81', '--words', 'a,"b,c"', '--words=d', '--options', 'x=1', '--options=y');
  expect(values.publish).toEqual(['80:80', '81']);
  expect(values.words).toEqual(['a', 'b,c', 'd']);
  expect(values.options).toEqual({ x: '1', y: '' });
});

test('booleans take a value only after an equals sign', () => {
  expect(parse('--proxy=false', 'x').values.proxy).toBe(false);
  expect(parse('--proxy', 'false').args).toEqual(['false']);
  expect(parse('-t=0').values.tty).toBe(false);
  expect(parse('-at').values).toMatchObject({ all: true, tty: true });
});

test('-- ends the flags', () => {
  expect(parse('-a', '--', '--name', 'x').args).toEqual(['--name', 'x']);
});

test('- is an argument', () => {
  expect(parse('-', '-a').args).toEqual(['-']);
});

test('with flagsFirst the first argument ends them', () => {
  const { values, args } = parseFlags(table, ['-a', 'image', '--name', 'x', '-t'], true);
  expect(args).toEqual(['image', '--name', 'x', '-t']);
  expect(values).toMatchObject({ all: true, name: '', tty: false });
});

test('other names of a flag', () => {
  expect(parse('--net', 'x', '--network', 'y').values.network).toEqual(['x', 'y']);
  const { values, warnings } = parse('--oldtime=5');
  expect(values.time).toBe(5);
  expect(isGiven(values, 'time')).toBe(true);
  expect(warnings).toEqual(['Flag --oldtime has been deprecated, use --time instead']);
});

test('help', () => {
  expect(parse('--help', '--nosuch').help).toBe(true);
  expect(parse('--help=false').help).toBe(false);
  const { help, warnings } = parse('-h');
  expect(help).toBe(true);
  expect(warnings).toEqual(['Flag shorthand -h has been deprecated, use --help']);
});

describe('what is refused', () => {
  test.each([
    [['--nosuch'], 'unknown flag: --nosuch'],
    [['--nosuch=x'], 'unknown flag: --nosuch'],
    [['-x'], "unknown shorthand flag: 'x' in -x"],
    [['-axt'], "unknown shorthand flag: 'x' in -xt"],
    [['--name'], 'flag needs an argument: --name'],
    [['-n'], "flag needs an argument: 'n' in -n"],
    [['-an'], "flag needs an argument: 'n' in -n"],
    [['---x'], 'bad flag syntax: ---x'],
    [['--=x'], 'bad flag syntax: --=x'],
    [
      ['--all=maybe'],
      'invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [['-c', 'x'], 'invalid argument "x" for "-c, --count" flag: strconv.ParseInt: parsing "x": invalid syntax'],
    [['--time=1.5'], 'invalid argument "1.5" for "--time" flag: strconv.ParseInt: parsing "1.5": invalid syntax'],
    [['--odd', 'ab'], 'invalid argument "ab" for "--odd" flag: even'],
  ])('%p', (args, message) => {
    expect(failure(...args)).toBe(message);
  });
});
