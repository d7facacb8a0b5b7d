import { describe, expect, test } from 'bun:test';
import { contentDigest, isRepositoryName, isTag, repositoryName } from './names.ts';

describe('names that become paths', () => {
  test.each(['a', 'library/busybox', 'a.b/c_d/e__f/g--h', 'x'.repeat(255)])('%s is a repository', name => {
    expect(isRepositoryName(name)).toBe(true);
  });

  test.each([
    '',
    '/',
    'A',
    '../a',
    'a/../b',
    'a//b',
    'a/',
    '/a',
    '_blobs',
    'a/_tags',
    '.a',
    'a\0',
    'a\n',
    'x'.repeat(256),
  ])('%p is none', name => {
    expect(() => repositoryName(name)).toThrow('invalid repository name');
  });

  test('tags', () => {
    expect(['latest', '_x', 'V1.0-rc', 'x'.repeat(128)].every(isTag)).toBe(true);
    expect(['', '.', '..', '-a', 'a/b', 'a\n', 'x'.repeat(129)].some(isTag)).toBe(false);
  });

  test('digests', () => {
    expect(String(contentDigest(`sha512:${'0'.repeat(128)}`))).toStartWith('sha512:');
    for (const bad of [
      '',
      'sha256:',
      `sha256:${'A'.repeat(64)}`,
      `md5:${'0'.repeat(32)}`,
      `sha256:${'0'.repeat(64)}/x`,
    ]) {
      expect(() => contentDigest(bad)).toThrow('digest');
    }
  });
});
