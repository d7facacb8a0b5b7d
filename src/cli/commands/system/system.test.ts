import { expect, test } from 'bun:test';
import { FakeEngine, Status } from '../../testing/fake-engine.ts';
import { eventText } from './events.ts';

test('an event is a line; its nanoseconds are exact', () => {
  const event = {
    Type: 'container',
    Action: 'die',
    Actor: { ID: 'abc', Attributes: { name: 'c', exitCode: '0' } },
    time: 1_700_000_000,
  };
  const json = JSON.stringify(event).replace(/}$/, ',"timeNano":1700000000123456789}');
  expect(eventText(json)).toMatch(/^20\S+:20\.123456789\S+ container die abc \(exitCode=0, name=c\)$/);
  expect(eventText(JSON.stringify(event))).toContain(':20.000000000');
});

test('events print as they come, also by a template', async () => {
  const line =
    '{"Type":"volume","Action":"create","Actor":{"ID":"v","Attributes":{}},"timeNano":1700000000123456789}\n';
  using engine = new FakeEngine({ 'GET /events': line + line });
  const { out } = await engine.docker('events', '--format', '{{.Type}} {{.Actor.ID}} {{.TimeNano}}', '--since', '100');
  expect(out).toBe('volume v 1700000000123456789\nvolume v 1700000000123456789\n');
  expect(engine.asked[0]!.query).toEqual({ since: '100' });
  expect((await engine.docker('events', '--format', '{{.No}}')).code).toBe(64);
});

const usage = {
  LayersSize: 10_000_000,
  Images: [
    { Id: 'sha256:1', RepoTags: ['a:1'], Created: 0, Size: 6_000_000, SharedSize: 0, Containers: 1 },
    { Id: 'sha256:2', RepoTags: [], Created: 0, Size: 4_000_000, SharedSize: 0, Containers: 0 },
  ],
  Containers: [
    { Id: 'c1', State: 'running', SizeRw: 100 },
    { Id: 'c2', State: 'exited', SizeRw: 300 },
  ],
  Volumes: [
    { Name: 'v1', UsageData: { Size: 1000, RefCount: 1 } },
    { Name: 'v2', UsageData: { Size: 3000, RefCount: 0 } },
  ],
  BuildCache: [
    { ID: 'b1', Size: 500, InUse: true },
    { ID: 'b2', Size: 700, Shared: true },
    { ID: 'b3', Size: 200 },
  ],
};

test('disk usage tells what could go', async () => {
  using engine = new FakeEngine({ 'GET /system/df': usage });
  expect((await engine.docker('system', 'df')).out).toBe(
    [
      'TYPE            TOTAL     ACTIVE    SIZE      RECLAIMABLE',
      'Images          2         1         10MB      4MB (40%)',
      'Containers      2         1         400B      300B (75%)',
      'Local Volumes   2         1         4kB       3kB (75%)',
      'Build Cache     3         1         700B      200B',
      '',
    ].join('\n'),
  );
  expect((await engine.docker('system', 'df', '--format', '{{.Type}}={{.Size}}')).out).toBe(
    'Images=10MB\nContainers=400B\nLocal Volumes=4kB\nBuild Cache=700B\n',
  );
});

test('system prune removes one kind after the other', async () => {
  using engine = new FakeEngine({
    'POST /containers/prune': { ContainersDeleted: ['c1'], SpaceReclaimed: 10 },
    'POST /networks/prune': { NetworksDeleted: null },
    'POST /volumes/prune': { VolumesDeleted: ['v1'], SpaceReclaimed: 20 },
    'POST /images/prune': { ImagesDeleted: null, SpaceReclaimed: 0 },
    'POST /build/prune': { CachesDeleted: null, SpaceReclaimed: 5 },
  });
  expect((await engine.docker('system', 'prune', '-f', '--volumes')).out).toBe(
    'Deleted Containers:\nc1\n\nDeleted Volumes:\nv1\n\nTotal reclaimed space: 35B\n',
  );
  expect(engine.asked.map(({ path }) => path.split('/')[1])).toEqual([
    'containers',
    'networks',
    'volumes',
    'images',
    'build',
  ]);
  expect((await engine.docker('system', 'prune', '--volumes', '--filter', 'until=1h')).err).toBe(
    'ERROR: The "until" filter is not supported with "--volumes"\n',
  );
});

test('version shows the client even without an engine', async () => {
  using engine = new FakeEngine({ 'GET /version': new Status(500, 'broken') });
  const ran = await engine.docker('version');
  expect(ran.code).toBe(1);
  expect(ran.out).toStartWith('Client:\n Version:           ');
  expect(ran.err).toBe('Error response from daemon: broken\n');
});

test('version of an engine that does not list its parts', async () => {
  const server = {
    Version: '1.2',
    ApiVersion: '1.30',
    MinAPIVersion: '1.12',
    Os: 'linux',
    Arch: 'arm64',
    GitCommit: 'abc',
  };
  using engine = new FakeEngine({ 'GET /version': { ...server, BuildTime: '2024-05-01T10:00:00Z' } });
  const { out } = await engine.docker('version');
  expect(out).toContain(
    '\nServer:\n Engine:\n  Version:          1.2\n  API version:      1.30 (minimum version 1.12)\n',
  );
  expect(out).toContain('  Built:            Wed May  1 10:00:00 2024\n  OS/Arch:          linux/arm64\n');
  expect((await engine.docker('version', '-f', '{{.Server.Version}} {{.Server.APIVersion}}')).out).toBe('1.2 1.30\n');
});

test('info about the client alone asks nobody', async () => {
  using engine = new FakeEngine({});
  expect((await engine.docker('info', '-f', '{{.ClientInfo.Context}}')).out).toBe('default\n');
  expect(engine.asked).toEqual([]);
});

test('info keeps large numbers, and fails with an engine that complains', async () => {
  using engine = new FakeEngine({ 'GET /info': '{"MemTotal":12345678901234567890,"Labels":["a=b"]}' });
  expect((await engine.docker('info', '-f', '{{.MemTotal}} {{.Labels}}')).out).toBe('12345678901234567890 [a=b]\n');
  using broken = new FakeEngine({ 'GET /info': new Status(500, 'broken') });
  const { code, err } = await broken.docker('info');
  expect({ code, err }).toEqual({
    code: 1,
    err: 'ERROR: Error response from daemon: broken\nerrors pretty printing info\n',
  });
});
