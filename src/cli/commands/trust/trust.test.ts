// Engines that do not verify signatures must not be taken for such that do.
import { afterEach, expect, test } from 'bun:test';
import { FakeEngine } from '../../testing/fake-engine.ts';

afterEach(() => {
  delete process.env['DOCKER_CONTENT_TRUST'];
});

const commands: [args: string[], code: number][] = [
  [['pull', 'busybox'], 1],
  [['run', 'busybox'], 125],
  [['create', 'busybox'], 1],
  [['push', 'busybox'], 1],
];

for (const [args, code] of commands) {
  test(`DOCKER_CONTENT_TRUST with docker ${args[0]} and Docker's own engine: an error, and nothing is asked for`, async () => {
    using engine = new FakeEngine({});
    process.env['DOCKER_CONTENT_TRUST'] = '1';
    const { code: got, err } = await engine.docker(...args);
    expect(got).toBe(code);
    expect(err).toMatch(/does not verify signatures|can't store signatures/);
    expect(engine.asked.map(({ path }) => path)).toEqual(['/dockyard/trust']);
  });
}

test('what means no is no, as with Docker', async () => {
  for (const value of ['', '0', 'false', 'F']) {
    using engine = new FakeEngine({ 'POST /images/create': '{"status":"ok"}\n' });
    process.env['DOCKER_CONTENT_TRUST'] = value;
    expect((await engine.docker('pull', 'busybox')).code).toBe(0);
    expect(engine.asked.map(({ path }) => path)).toEqual(['/images/create']);
  }
});

test('an engine that does is told that a signature is wanted', async () => {
  using engine = new FakeEngine({
    'GET /dockyard/trust': { file: '/p', exists: true, default: 'off', rules: 1 },
    'POST /images/create': '{"status":"ok"}\n',
    'POST /containers/create': { Id: 'abc', Warnings: [] },
  });
  process.env['DOCKER_CONTENT_TRUST'] = 'yes';
  await engine.docker('create', '--pull=always', 'busybox');
  const wanted = engine.asked.filter(({ method }) => method === 'POST');
  expect(wanted.map(({ path, headers }) => [path, headers.get('x-dockyard-content-trust')])).toEqual([
    ['/images/create', 'required'],
    ['/containers/create', 'required'],
  ]);
});
