import { expect, test } from 'bun:test';
import { FakeEngine } from '../../testing/fake-engine.ts';

async function candidates(...words: string[]): Promise<string[]> {
  using engine = new FakeEngine({
    'GET /containers/json': [{ Names: ['/web', '/other/web'] }, { Names: ['/db'] }],
    'GET /images/json': [{ RepoTags: ['busybox:latest', '<none>:<none>'] }],
    'GET /networks': [{ Name: 'bridge' }],
    'GET /volumes': { Volumes: [{ Name: 'data' }] },
  });
  return (await engine.docker('__completeNoDesc', ...words)).out.trimEnd().split('\n');
}

test('commands and groups', async () => {
  expect(await candidates('vol')).toEqual(['volume', ':4']);
  expect(await candidates('volume', 'i')).toEqual(['inspect', ':4']);
  expect(await candidates('--context', 'x', 'volume', 'r')).toEqual(['rm', ':4']);
  expect(await candidates('__')).toEqual([':4']);
});

test('flags, long and short', async () => {
  expect(await candidates('ps', '--f')).toEqual(['--filter', '--format', ':4']);
  expect(await candidates('volume', 'rm', '-')).toEqual(['--force', '-f', '--help', ':4']);
});

test('names of what the argument is', async () => {
  expect(await candidates('stop', '')).toEqual(['web', 'db', ':4']);
  expect(await candidates('run', '--name', 'x', 'b')).toEqual(['busybox:latest', ':4']);
  expect(await candidates('network', 'connect', '')).toEqual(['bridge', ':4']);
  expect(await candidates('network', 'connect', 'bridge', 'd')).toEqual(['db', ':4']);
  expect(await candidates('network', 'connect', 'bridge', 'db', '')).toEqual([':4']);
  expect(await candidates('inspect', 'd')).toEqual(['db', 'data', ':4']);
});

test('values of flags', async () => {
  expect(await candidates('run', '--network', '')).toEqual(['bridge', ':4']);
  expect(await candidates('run', '--restart=u')).toEqual(['unless-stopped', ':4']);
  expect(await candidates('load', '--input', '')).toEqual([':0']);
});
