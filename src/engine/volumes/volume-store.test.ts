import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isKind } from '../../lib/errors.ts';
import type { ContainerId } from '../../lib/ids.ts';
import { Plugins } from '../../plugins/plugins.ts';
import type { Events } from '../events/events.ts';
import { openState, type StateDatabase } from '../state/database.ts';
import { createVolumes } from './all-volumes.ts';
import type { Filters, Volumes } from './volumes.ts';

let dataRoot: string;
let database: StateDatabase;
let volumes: Volumes;
let users: Record<string, ContainerId[]>;
let published: string[];

function start(): void {
  database = openState(join(dataRoot, 'state.db'));
  const events: Events = {
    publish: (type, action, { ID, Attributes }) =>
      published.push(`${type} ${action} ${ID} ${JSON.stringify(Attributes)}`),
    subscribe: () => ({ async *[Symbol.asyncIterator]() {} }),
    listeners: 0,
  };
  volumes = createVolumes({
    dataRoot,
    database,
    events,
    users: { usersOf: name => users[name] ?? [] },
    plugins: new Plugins({ sockets: [], specs: [] }),
  });
}

beforeEach(() => {
  dataRoot = mkdtempSync(join(tmpdir(), 'dockyard-volumes-'));
  users = {};
  published = [];
  start();
});
afterEach(async () => {
  await volumes.reconcile(new Set());
  database.close();
  rmSync(dataRoot, { recursive: true });
});

const container = 'c1' as ContainerId;
const names = async (filters: Filters) => (await volumes.list(filters)).Volumes!.map(volume => volume.Name);

async function failure(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error('it did not fail');
}

test('a volume is a directory of the data root and survives the daemon', async () => {
  const volume = await volumes.create({ Name: 'data', Labels: { a: '1' } });
  expect(volume).toMatchObject({ Name: 'data', Driver: 'local', Scope: 'local', Labels: { a: '1' }, Options: {} });
  expect(volume.Mountpoint).toBe(join(dataRoot, 'volumes/data/_data'));
  expect(volume.CreatedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  writeFileSync(join(volume.Mountpoint, 'file'), 'x');
  database.close();
  start();
  expect(await volumes.inspect('data')).toEqual(volume);
  expect(await volumes.create({ Name: 'data', Labels: { other: '2' } })).toEqual(volume);
  expect(published).toEqual(['volume create data {"driver":"local"}']);
});

test('a volume without a name gets one, and the label that says so', async () => {
  const { Name, Labels } = await volumes.create({});
  expect(Name).toMatch(/^[0-9a-f]{64}$/);
  expect(Labels).toEqual({ 'com.docker.volume.anonymous': '' });
});

describe('is refused:', () => {
  test.each([
    [{ Name: 'a' }, 'create a: volume name is too short, names should be at least two alphanumeric characters'],
    [
      { Name: '../x' },
      'create ../x: "../x" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    ],
    [{ Name: 'xx', Driver: 'nosuch' }, 'create xx: error looking up volume plugin nosuch: plugin "nosuch" not found'],
    [{ Name: 'xx', DriverOpts: { color: 'red' } }, 'create xx: invalid option: "color"'],
    [{ Name: 'xx', DriverOpts: { o: 'ro' } }, 'create xx: missing required option: "device"'],
    [{ Name: 'xx', DriverOpts: { device: '/x' } }, 'create xx: missing required option: "type"'],
    [{ Name: 'xx', DriverOpts: { type: 'tmpfs' } }, 'create xx: missing required option: "device"'],
    [{ Name: 'xx', DriverOpts: { size: '1g' } }, 'create xx: quota size requested but no quota support'],
  ])('%p', async (request, message) => {
    expect(await failure(volumes.create(request))).toBe(message);
    expect(readdirSync(join(dataRoot, 'volumes'))).toEqual([]);
  });
});

test('a volume in use stays, others go with all they hold', async () => {
  const { Mountpoint } = await volumes.create({ Name: 'data' });
  users['data'] = [container];
  expect(await failure(volumes.remove('data', { force: true }))).toBe('remove data: volume is in use - [c1]');
  users = {};
  await volumes.remove('data', { force: false });
  expect(existsSync(Mountpoint)).toBe(false);
  expect(readdirSync(join(dataRoot, 'volumes'))).toEqual([]);
  expect(await failure(volumes.remove('data', { force: false }))).toBe('get data: no such volume');
  await volumes.remove('data', { force: true });
  const missing = await volumes.inspect('data').catch(error => error);
  expect(isKind(missing, 'notFound')).toBe(true);
});

test('lists by every filter', async () => {
  await volumes.create({ Name: 'web-data', Labels: { tier: 'front' } });
  await volumes.create({ Name: 'db-data', Labels: { tier: 'back' } });
  await volumes.create({ Name: 'other' });
  users['other'] = [container];
  expect(await names({})).toEqual(['db-data', 'other', 'web-data']);
  expect(await names({ name: ['data'] })).toEqual(['db-data', 'web-data']);
  expect(await names({ name: ['^db', 'other'] })).toEqual(['db-data', 'other']);
  expect(await names({ label: ['tier'] })).toEqual(['db-data', 'web-data']);
  expect(await names({ label: ['tier=front'] })).toEqual(['web-data']);
  expect(await names({ driver: ['local'] })).toHaveLength(3);
  expect(await names({ driver: ['nfs'] })).toEqual([]);
  expect(await names({ dangling: ['true'] })).toEqual(['db-data', 'web-data']);
  expect(await names({ dangling: ['false'] })).toEqual(['other']);
  expect(await failure(volumes.list({ dangling: ['maybe'] }))).toBe("invalid filter 'dangling=[maybe]'");
  expect(await failure(volumes.list({ color: ['red'] }))).toBe("invalid filter 'color'");
});

test('prune takes unused anonymous volumes, and named ones when told to', async () => {
  const anonymous = await volumes.create({ Labels: { keep: 'no' } });
  const used = await volumes.create({});
  users[used.Name] = [container];
  await volumes.create({ Name: 'named', Labels: { keep: 'yes' } });
  writeFileSync(join(anonymous.Mountpoint, 'file'), 'x'.repeat(5000));
  expect(await volumes.prune({})).toEqual({ VolumesDeleted: [anonymous.Name], SpaceReclaimed: 5000 });
  expect(published.at(-1)).toBe('volume prune  {"reclaimed":"5000"}');
  expect((await volumes.prune({ all: ['true'], 'label!': ['keep=yes'] })).VolumesDeleted).toEqual([]);
  expect((await volumes.prune({ all: ['true'], label: ['keep'] })).VolumesDeleted).toEqual(['named']);
  expect(await names({})).toEqual([used.Name]);
});

test('tells what each takes up', async () => {
  const { Mountpoint } = await volumes.create({ Name: 'data' });
  writeFileSync(join(Mountpoint, 'file'), 'x'.repeat(300));
  users['data'] = [container];
  expect((await volumes.usage()).map(volume => volume.UsageData)).toEqual([{ Size: 300, RefCount: 1 }]);
});

test('a file system of its own is mounted for the first container and unmounted after the last', async () => {
  await volumes.create({ Name: 'ram', DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,uid=1000,nosuid' } });
  const path = await volumes.mount('ram', container, { Destination: '/ram', RW: true, Propagation: '' });
  await volumes.mount('ram', 'c2' as ContainerId);
  const mountLine = () =>
    readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .find(line => line.includes(path));
  expect(mountLine()).toContain('nosuid');
  expect(mountLine()).toContain('uid=1000');
  await volumes.unmount('ram', container);
  expect(mountLine()).toBeDefined();
  await volumes.unmount('ram', 'c2' as ContainerId);
  expect(mountLine()).toBeUndefined();
  expect(published.slice(1)).toEqual([
    'volume mount ram {"driver":"local","container":"c1","destination":"/ram","read/write":"true","propagation":""}',
    'volume unmount ram {"driver":"local","container":"c1"}',
  ]);
});

test('what can not be mounted says why', async () => {
  await volumes.create({
    Name: 'bad',
    DriverOpts: { type: 'none', device: '/no/such/dir', o: 'bind,password=secret' },
  });
  expect(await failure(volumes.mount('bad', container))).toMatch(
    /^error while mounting volume '.*\/volumes\/bad\/_data': failed to mount local volume: mount \/no\/such\/dir:.*, data: bind,password=\*+: no such file or directory$/,
  );
});

test('mounts of containers that run are kept over a restart, others are taken down', async () => {
  for (const name of ['kept', 'left']) {
    await volumes.create({ Name: name, DriverOpts: { type: 'tmpfs', device: 'tmpfs' } });
    await volumes.mount(name, name as ContainerId);
    users[name] = [name as ContainerId];
  }
  database.close();
  start();
  await volumes.reconcile(new Set(['kept' as ContainerId]));
  const mounts = readFileSync('/proc/self/mounts', 'utf8');
  expect(mounts).toContain(`${dataRoot}/volumes/kept/_data`);
  expect(mounts).not.toContain(`${dataRoot}/volumes/left/_data`);
  await volumes.unmount('kept', 'kept' as ContainerId);
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(dataRoot);
});

test('the next start finishes what was cut short, and takes a directory that was put there', async () => {
  await volumes.create({ Name: 'gone' });
  rmSync(join(dataRoot, 'volumes/gone'), { recursive: true });
  mkdirSync(join(dataRoot, 'volumes/.removed-1/_data'), { recursive: true });
  mkdirSync(join(dataRoot, 'volumes/restored/_data'), { recursive: true });
  mkdirSync(join(dataRoot, 'volumes/lost+found'));
  database.close();
  start();
  expect(await names({})).toEqual(['restored']);
  await Bun.sleep(20);
  expect(readdirSync(join(dataRoot, 'volumes')).sort()).toEqual(['lost+found', 'restored']);
});

test('a part of a volume has a path of its own, and what a killed daemon left of it goes without harm', async () => {
  const { Mountpoint } = await volumes.create({ Name: 'data' });
  mkdirSync(join(Mountpoint, 'a/b'), { recursive: true });
  writeFileSync(join(Mountpoint, 'a/b/file'), 'x');
  symlinkSync('/', join(Mountpoint, 'out'));
  {
    using part = volumes.openPart('data', 'out/a/b');
    expect(readdirSync(part.path)).toEqual(['file']);
    using file = volumes.openPart('data', 'a/b/file');
    expect(readFileSync(file.path, 'utf8')).toBe('x');
  }
  expect(readdirSync(join(dataRoot, 'volumes/.parts'))).toEqual([]);
  expect(() => volumes.openPart('data', 'missing')).toThrow('cannot access path');
  volumes.openPart('data', 'a');
  database.close();
  start();
  await volumes.reconcile(new Set());
  expect(readdirSync(join(dataRoot, 'volumes/.parts'))).toEqual([]);
  expect(readFileSync(join(Mountpoint, 'a/b/file'), 'utf8')).toBe('x');
});
