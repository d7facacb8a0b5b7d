import { expect, test } from 'bun:test';
import { formatRecord } from './logger.ts';

const time = new Date('2026-01-02T03:04:05.678Z');

test('a text line quotes what needs it and leaves out what is undefined', () => {
  const fields = { container: 'abc', error: new Error('no "such" file'), count: 3, absent: undefined };
  expect(formatRecord({ time, level: 'warn', message: 'it "failed"', fields }, 'text')).toBe(
    'time="2026-01-02T03:04:05.678000000Z" level=warning msg="it \\"failed\\"" container=abc error="no \\"such\\" file" count=3\n',
  );
});

test('a JSON line keeps types and shows the text of errors', () => {
  const line = formatRecord({ time, level: 'info', message: 'up', fields: { port: 1, error: new Error('x') } }, 'json');
  expect(JSON.parse(line)).toEqual({
    port: 1,
    error: 'x',
    level: 'info',
    msg: 'up',
    time: '2026-01-02T03:04:05.678000000Z',
  });
  expect(line.endsWith('}\n')).toBe(true);
});
