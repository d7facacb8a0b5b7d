import { describe, expect, test } from 'bun:test';
import { planCopy, renamer, splitPath } from './copy-plan.ts';

const directory = (path: string) => ({ path, exists: true, isDirectory: true });
const file = (path: string) => ({ path, exists: true, isDirectory: false });
const missing = (path: string) => ({ path, exists: false, isDirectory: false });

describe('where a copy goes', () => {
  test('into a directory that is there, under its own name', () => {
    expect(planCopy({ path: '/a/b', isDirectory: false }, directory('/d'))).toEqual({ directory: '/d' });
    expect(planCopy({ path: '/a/b', isDirectory: true }, directory('/d'))).toEqual({ directory: '/d' });
    expect(planCopy({ path: '/real', isDirectory: true, name: 'link' }, directory('/d'))).toEqual({
      directory: '/d',
      rename: 'link',
    });
  });

  test('in place of a file', () => {
    expect(planCopy({ path: '/a/b', isDirectory: false }, file('/d/e'))).toEqual({ directory: '/d', rename: 'e' });
    expect(() => planCopy({ path: '/a/b', isDirectory: true }, file('/d/e'))).toThrow('cannot copy directory');
  });

  test('under a name that is not there yet', () => {
    expect(planCopy({ path: '/a/b', isDirectory: true }, missing('/d/e'))).toEqual({ directory: '/d', rename: 'e' });
    expect(planCopy({ path: '/a/b', isDirectory: true }, missing('/d/e/'))).toEqual({ directory: '/d', rename: 'e' });
    expect(() => planCopy({ path: '/a/b', isDirectory: false }, missing('/d/e/'))).toThrow('no such directory');
    expect(() => planCopy({ path: '/a/b', isDirectory: false }, missing(''))).toThrow('no such directory');
  });
});

test.each([
  ['/a/b', '/a', 'b'],
  ['/a/b/', '/a', 'b'],
  ['/a/b/.', '/a/b', '.'],
  ['/a', '/', 'a'],
  ['/.', '/', '.'],
  ['a', '.', 'a'],
])('%s is %s and %s', (path, directory, base) => {
  expect(splitPath(path)).toEqual({ directory, base });
});

test('only whole parts of a name are replaced', () => {
  const rename = renamer('a', 'x');
  expect(['a', 'a/', 'a/b', 'ab', 'b/a'].map(rename)).toEqual(['x', 'x', 'x/b', 'ab', 'b/a']);
  expect(['.', './', './b'].map(renamer('.', 'x'))).toEqual(['x', 'x', 'x/b']);
});
