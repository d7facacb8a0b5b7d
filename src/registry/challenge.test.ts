import { expect, test } from 'bun:test';
import { parseChallenges } from './challenge.ts';

test('a bearer challenge', () => {
  const header =
    'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"';
  expect(parseChallenges(header)).toEqual([
    {
      scheme: 'bearer',
      parameters: {
        realm: 'https://auth.example/token',
        service: 'registry.example',
        scope: 'repository:a/b:pull,push',
      },
    },
  ]);
});

test('several in one header, quotes or none, odd spaces', () => {
  expect(parseChallenges('Basic realm="a \\"b\\"", Bearer realm = x , service=y')).toEqual([
    { scheme: 'basic', parameters: { realm: 'a "b"' } },
    { scheme: 'bearer', parameters: { realm: 'x', service: 'y' } },
  ]);
});

test.each(['', '   ', '"', 'Bearer', 'Bearer realm="open', '=,=,='])('%p is no trouble', header => {
  expect(() => parseChallenges(header)).not.toThrow();
});
