import { describe, expect, test } from 'bun:test';
import type { ImageConfig } from '../../wire/types.ts';
import { applyChanges } from './changes.ts';

const change = (config: ImageConfig, ...changes: string[]) => applyChanges(config, changes);

test('commands, in a shell or not', () => {
  expect(change({}, 'CMD ["a", "b c"]').Cmd).toEqual(['a', 'b c']);
  expect(change({}, 'cmd echo $HOME').Cmd).toEqual(['/bin/sh', '-c', 'echo $HOME']);
  expect(change({ Shell: ['/bin/ash', '-c'] }, 'CMD x').Cmd).toEqual(['/bin/ash', '-c', 'x']);
  expect(change({ Cmd: ['old'] }, 'ENTRYPOINT ["/e"]')).toMatchObject({ Entrypoint: ['/e'], Cmd: undefined });
  expect(change({}, 'CMD [not json').Cmd).toEqual(['/bin/sh', '-c', '[not json']);
});

test('environment and labels', () => {
  const config = { Env: ['PATH=/bin', 'A=1'], Labels: { x: 'y' } };
  expect(change(config, `ENV A=2 B="two words" C=$A-\${D:-none}`).Env).toEqual([
    'PATH=/bin',
    'A=2',
    'B=two words',
    'C=1-none',
  ]);
  expect(change(config, 'ENV LONG the whole rest').Env!.at(-1)).toBe('LONG=the whole rest');
  expect(change(config, `LABEL a=b "c d"='e f'`).Labels).toEqual({ x: 'y', a: 'b', 'c d': 'e f' });
  expect(config).toEqual({ Env: ['PATH=/bin', 'A=1'], Labels: { x: 'y' } });
});

test('ports, volumes, directories, users, signals', () => {
  const changed = change(
    { WorkingDir: '/srv' },
    'EXPOSE 80 53/udp 8000-8002',
    'VOLUME /data /more',
    'VOLUME ["/a b"]',
    'WORKDIR app/../web',
    'USER nobody:nogroup',
    'STOPSIGNAL SIGRTMIN+3',
    'ONBUILD RUN make',
  );
  expect(Object.keys(changed.ExposedPorts!)).toEqual(['80/tcp', '53/udp', '8000/tcp', '8001/tcp', '8002/tcp']);
  expect(Object.keys(changed.Volumes!)).toEqual(['/data', '/more', '/a b']);
  expect(changed).toMatchObject({
    WorkingDir: '/srv/web',
    User: 'nobody:nogroup',
    StopSignal: 'SIGRTMIN+3',
    OnBuild: ['RUN make'],
  });
});

test('health checks', () => {
  expect(change({}, 'HEALTHCHECK --interval=5m --retries=2 CMD curl -f http://localhost').Healthcheck).toEqual({
    Interval: 300_000_000_000,
    Retries: 2,
    Test: ['CMD-SHELL', 'curl -f http://localhost'],
  });
  expect(change({}, 'HEALTHCHECK CMD ["a"]').Healthcheck!.Test).toEqual(['CMD', 'a']);
  expect(change({}, 'HEALTHCHECK NONE').Healthcheck).toEqual({ Test: ['NONE'] });
});

test('several lines in one change', () => {
  expect(change({}, '# a comment\nENV A=1 \\\n  B=2\n\nUSER me')).toMatchObject({ Env: ['A=1', 'B=2'], User: 'me' });
});

describe('nonsense is refused', () => {
  test.each([
    ['RUN make', 'RUN is not a valid change command'],
    ['CMD', 'at least one argument'],
    ['ENV A', 'two arguments'],
    ['ENV A=1 B', "can't find ="],
    ['ENV =1', 'can not be blank'],
    ['EXPOSE 99999', 'Invalid containerPort'],
    ['EXPOSE 20-10', 'Invalid containerPort'],
    ['STOPSIGNAL no!', 'Invalid signal'],
    ['USER a b', 'exactly one argument'],
    ['ONBUILD ONBUILD RUN x', 'Chaining ONBUILD'],
    ['ONBUILD FROM x', "isn't allowed as an ONBUILD trigger"],
    ['HEALTHCHECK --what=1 CMD x', 'Unknown flag: what'],
    ['HEALTHCHECK nothing', 'Unknown type'],
    ['LABEL a="open', 'unterminated quote'],
  ])('%s', (text, message) => {
    expect(() => change({}, text)).toThrow(message);
  });
});
