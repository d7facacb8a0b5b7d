import { expect, test } from 'bun:test';
import { mergeConfig } from './merge-config.ts';

const image = {
  Entrypoint: ['/entry'],
  Cmd: ['serve'],
  Env: ['PATH=/bin', 'MODE=prod'],
  Labels: { a: 'image', b: 'image' },
  WorkingDir: '/srv',
  User: 'www',
};

test('what the request leaves open is the image’s', () => {
  expect(mergeConfig({}, image)).toMatchObject({
    Entrypoint: ['/entry'],
    Cmd: ['serve'],
    WorkingDir: '/srv',
    User: 'www',
  });
});

test('a command keeps the entrypoint, an entrypoint drops the command', () => {
  expect(mergeConfig({ Cmd: ['sh'] }, image)).toMatchObject({ Entrypoint: ['/entry'], Cmd: ['sh'] });
  const replaced = mergeConfig({ Entrypoint: ['/mine'] }, image);
  expect(replaced.Entrypoint).toEqual(['/mine']);
  expect(replaced.Cmd).toBeUndefined();
});

test('an entrypoint of one empty word is none', () => {
  const merged = mergeConfig({ Entrypoint: [''], Cmd: ['sh'] }, image);
  expect(merged.Entrypoint).toBeUndefined();
  expect(merged.Cmd).toEqual(['sh']);
});

test('environment and labels are merged by name', () => {
  const merged = mergeConfig({ Env: ['MODE=test', 'X=1'], Labels: { a: 'mine' } }, image);
  expect(merged.Env).toEqual(['MODE=test', 'X=1', 'PATH=/bin']);
  expect(merged.Labels).toEqual({ a: 'mine', b: 'image' });
});
