import { expect, test } from 'bun:test';
import { FakeEngine, Status } from '../../testing/fake-engine.ts';

const volume = (Name: string, more: object = {}) => ({
  Name,
  Driver: 'local',
  Mountpoint: '/m',
  Scope: 'local',
  ...more,
});

test('create sends the options and prints the name', async () => {
  using engine = new FakeEngine({ 'POST /volumes/create': volume('v') });
  const ran = await engine.docker('volume', 'create', '-o', 'type=tmpfs', '--label', 'a', 'v');
  expect(ran.out).toBe('v\n');
  expect(JSON.parse(engine.asked[0]!.body)).toEqual({
    Name: 'v',
    Driver: 'local',
    DriverOpts: { type: 'tmpfs' },
    Labels: { a: '' },
  });
});

test('create sends nothing that was not asked for', async () => {
  using engine = new FakeEngine({ 'POST /volumes/create': volume('v') });
  await engine.docker('volume', 'create', 'v');
  expect(JSON.parse(engine.asked[0]!.body)).toEqual({ Name: 'v', Driver: 'local' });
});

test('a flag for cluster volumes makes it one', async () => {
  using engine = new FakeEngine({ 'POST /volumes/create': volume('v') });
  await engine.docker('volume', 'create', '--scope', 'multi', '--limit-bytes', '1m', '--secret', 'k=s', 'v');
  expect(JSON.parse(engine.asked[0]!.body).ClusterVolumeSpec).toMatchObject({
    AccessMode: { Scope: 'multi', Sharing: 'none', BlockVolume: {} },
    CapacityRange: { RequiredBytes: 0, LimitBytes: 1048576 },
    Secrets: [{ Key: 'k', Secret: 's' }],
    Availability: 'active',
  });
});

test('inspect shows the fields Go clients know, in their order', async () => {
  using engine = new FakeEngine({ 'GET /volumes/v': volume('v', { Labels: { b: '<x>' }, Options: null, Extra: 1 }) });
  const { out } = await engine.docker('volume', 'inspect', 'v');
  expect(Object.keys(JSON.parse(out)[0])).toEqual(['Driver', 'Labels', 'Mountpoint', 'Name', 'Options', 'Scope']);
  expect(out).toContain('\\u003cx\\u003e');
});

test('rm goes on after a failure', async () => {
  using engine = new FakeEngine({ 'DELETE /volumes/b': '', 'DELETE /volumes/a': new Status(409, 'volume is in use') });
  expect(await engine.docker('volume', 'rm', 'a', 'b')).toEqual({
    code: 1,
    out: 'b\n',
    err: 'Error response from daemon: volume is in use\n',
  });
});

test('prune of all needs an engine that knows the difference', async () => {
  using old = new FakeEngine({}, '1.41');
  expect((await old.docker('volume', 'prune', '-af')).err).toBe(
    '"--all" requires API version 1.42, but the Docker daemon API version is 1.41\n',
  );
  using engine = new FakeEngine({ 'POST /volumes/prune': { VolumesDeleted: ['a', 'b'], SpaceReclaimed: 2_500_000 } });
  const ran = await engine.docker('volume', 'prune', '-af', '--filter', 'label=x', '--filter', 'label=y');
  expect(ran.out).toBe('Deleted Volumes:\na\nb\n\nTotal reclaimed space: 2.5MB\n');
  expect(JSON.parse(engine.asked[0]!.query['filters']!)).toEqual({ label: { x: true, y: true }, all: { true: true } });
});

test('filters of the configuration join those of a prune, unless these say the opposite', async () => {
  using engine = new FakeEngine({ 'POST /volumes/prune': { VolumesDeleted: null, SpaceReclaimed: 0 } });
  const config = { pruneFilters: ['label!=keep', 'label=x'] };
  await Bun.write(`${engine.directory}/config/config.json`, JSON.stringify(config));
  await engine.docker('volume', 'prune', '-f', '--filter', 'label=keep');
  expect(JSON.parse(engine.asked[0]!.query['filters']!)).toEqual({ label: { keep: true, x: true } });
});
