import { expect, test } from 'bun:test';
import { Conversion, type PendingLines } from './conversion.ts';

const nobody: PendingLines = { 1: undefined, 2: undefined };
const record = (time: string, rest: string) => `2026-01-02T03:04:05.${time} ${rest}\n`;

function convert(text: string, blockSize = Number.POSITIVE_INFINITY, attributes = ''): string[] {
  const conversion = new Conversion(attributes, nobody);
  const bytes = Buffer.from(text);
  let out = '';
  for (let from = 0, to = 0; to < bytes.length; ) {
    to = Math.min(bytes.length, to + blockSize);
    for (let converted = -1; converted !== 0; ) {
      converted = conversion.convert(bytes.subarray(from, to), 0, Number.POSITIVE_INFINITY);
      from += converted;
      out += conversion.output.toString();
    }
  }
  conversion.finish();
  return (out + conversion.output.toString()).split(/(?<=\n)/);
}

test('lines, pieces and both streams', () => {
  const text = [
    record('100000000+00:00', 'stdout P one '),
    record('200000000+02:00', 'stderr F error'),
    record('300000000+00:00', 'stdout F line'),
    record('000000000+00:00', 'stdout P rest'),
  ].join('');
  const lines = [
    '{"log":"error\\n","stream":"stderr","time":"2026-01-02T01:04:05.2Z"}\n',
    '{"log":"one line\\n","stream":"stdout","time":"2026-01-02T03:04:05.3Z"}\n',
    '{"log":"rest","stream":"stdout","time":"2026-01-02T03:04:05Z"}\n',
  ];
  expect(convert(text)).toEqual(lines);
  for (const blockSize of [60, 61, 100, 150]) expect(convert(text, blockSize)).toEqual(lines);
});

test('a line longer than Docker’s buffer is several records, all with the time of the first', () => {
  const piece = 'x'.repeat(8192);
  const text =
    [1, 2, 3, 4, 5].map(digit => record(`${digit}00000000+00:00`, `stdout P ${piece}`)).join('') +
    record('600000000+00:00', 'stdout F end');
  const lines = convert(text);
  expect(lines.map(line => line.replace(/x+/, run => `<${run.length}>`))).toEqual([
    '{"log":"<16384>","stream":"stdout","time":"2026-01-02T03:04:05.2Z"}\n',
    '{"log":"<16384>","stream":"stdout","time":"2026-01-02T03:04:05.2Z"}\n',
    '{"log":"<8192>end\\n","stream":"stdout","time":"2026-01-02T03:04:05.2Z"}\n',
  ]);
});

test('attributes stand where Docker has them', () => {
  expect(convert(record('100000000+00:00', 'stdout F x'), undefined, '{"a":"b"}')).toEqual([
    '{"log":"x\\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-01-02T03:04:05.1Z"}\n',
  ]);
});

test('stops when the room is used up', () => {
  const conversion = new Conversion('', nobody);
  const bytes = Buffer.from(record('100000000+00:00', 'stdout F a') + record('100000000+00:00', 'stdout F b'));
  const stop = conversion.convert(bytes, 0, 10);
  expect(stop).toBe(bytes.length / 2);
  expect(conversion.output.toString()).toContain('"a\\n"');
});
