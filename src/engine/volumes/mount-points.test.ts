import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { notFound } from '../../lib/errors.ts';
import type { ContainerConfig, HostConfig, Volume } from '../../wire/types.ts';
import { type ContainerMount, makeVolumes, resolveMountPoints, shownMount } from './mount-points.ts';
import { ociMounts } from './oci-mounts.ts';
import type { Volumes } from './volumes.ts';

let base: string;
let created: Record<string, unknown>[];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'dockyard-mounts-'));
  created = [];
});
afterEach(() => rmSync(base, { recursive: true }));

const ANONYMOUS = /[0-9a-f]{64}/;

const volumes: Pick<Volumes, 'create' | 'openPart' | 'openPartOf'> = {
  openPartOf: (directory, subpath) => ({ path: `/part-of${directory}/${subpath}`, [Symbol.dispose]() {} }),
  openPart: (name, subpath) => ({ path: `/part/${name}/${subpath}`, [Symbol.dispose]() {} }),
  async create(request): Promise<Volume> {
    created.push(JSON.parse(JSON.stringify(request)) as Record<string, unknown>);
    const Name = request.Name!;
    if (Name === 'broken') throw notFound('broken');
    return { Name, Driver: 'local', Mountpoint: `/volumes/${Name}`, Labels: {}, Options: {}, Scope: 'local' };
  },
};

async function resolve(
  hostConfig: HostConfig,
  config: ContainerConfig = {},
  others: Record<string, ContainerMount[]> = {},
) {
  const mountsOf = (name: string) => {
    const mounts = others[name];
    if (!mounts) throw notFound(`No such container: ${name}`);
    return mounts;
  };
  const mounts = resolveMountPoints({ config, hostConfig, engineRoots: ['/engine/data'], mountsOf });
  await makeVolumes(mounts, volumes as Volumes);
  return mounts;
}

const shown = async (...args: Parameters<typeof resolve>) => (await resolve(...args)).map(shownMount);
const words = async (...args: Parameters<typeof resolve>) =>
  ociMounts({
    mounts: await resolve(...args),
    volumeSources: new Map(),
    volumes,
    etc: { hosts: '', hostname: '', resolvConf: '' },
    readonlyRootfs: false,
  }).list.slice(3);

describe('-v', () => {
  test('a path of the host', async () => {
    expect(await shown({ Binds: [`${base}:/data/`] })).toEqual([
      { Type: 'bind', Source: base, Destination: '/data', Mode: '', RW: true, Propagation: 'rprivate' },
    ]);
    expect(await words({ Binds: [`${base}//x/../y:/data:ro,z,rslave`] })).toEqual([
      { destination: '/data', type: 'bind', source: `${base}/y`, options: ['rbind', 'ro', 'rro', 'rslave'] },
    ]);
    expect(existsSync(`${base}/y`)).toBe(true);
  });

  test('is made when the container starts, not before', async () => {
    await resolve({ Binds: [`${base}/later:/data`] });
    expect(existsSync(`${base}/later`)).toBe(false);
  });

  test('a volume by name, and one without', async () => {
    expect(
      await shown({ Binds: ['data:/data', 'other:/other:ro,nocopy', '/anonymous'], VolumeDriver: 'local' }),
    ).toEqual([
      {
        Type: 'volume',
        Name: 'data',
        Source: '/volumes/data',
        Destination: '/data',
        Driver: 'local',
        Mode: 'z',
        RW: true,
        Propagation: '',
      },
      {
        Type: 'volume',
        Name: 'other',
        Source: '/volumes/other',
        Destination: '/other',
        Driver: 'local',
        Mode: 'ro,nocopy',
        RW: false,
        Propagation: '',
      },
      {
        Type: 'volume',
        Name: expect.stringMatching(ANONYMOUS),
        Source: expect.stringMatching(/^\/volumes\/[0-9a-f]{64}$/),
        Destination: '/anonymous',
        Driver: 'local',
        Mode: '',
        RW: true,
        Propagation: '',
      },
    ]);
  });

  test.each([
    ['', "invalid volume specification: ''"],
    [':/x', "invalid volume specification: ':/x'"],
    ['/a:ro', "invalid volume specification: '/a:ro'"],
    ['/a:/b:ro:x', "invalid volume specification: '/a:/b:ro:x'"],
    ['/a:/b:nonsense', 'invalid mode: nonsense'],
    ['/a:/b:ro,rw', 'invalid mode: ro,rw'],
    [
      '/a:/',
      `invalid volume specification: '/a:/': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    ],
    [
      '/a:b',
      `invalid volume specification: '/a:b': invalid mount config for type "bind": invalid mount path: 'b' mount path must be absolute`,
    ],
    [
      '/a:/b:nocopy',
      `invalid volume specification: '/a:/b:nocopy': invalid mount config for type "bind": field VolumeOptions must not be specified`,
    ],
    [
      'vol:/b:rshared',
      `invalid volume specification: 'vol:/b:rshared': invalid mount config for type "volume": field BindOptions must not be specified`,
    ],
  ])('%p is refused', async (line, message) => {
    await expect(resolve({ Binds: [line] })).rejects.toThrow(new Error(message));
  });
});

describe('--mount', () => {
  test('of every type', async () => {
    mkdirSync(`${base}/src`);
    const mounts = await resolve({
      Mounts: [
        {
          Type: 'bind',
          Source: `${base}/src`,
          Target: '/b',
          ReadOnly: true,
          BindOptions: { NonRecursive: true, Propagation: 'private' },
        },
        { Type: 'bind', Source: `${base}/new`, Target: '/new', BindOptions: { CreateMountpoint: true } },
        {
          Type: 'bind',
          Source: `${base}/src`,
          Target: '/r',
          ReadOnly: true,
          BindOptions: { ReadOnlyNonRecursive: true },
        },
        {
          Type: 'volume',
          Source: 'v',
          Target: '/v',
          VolumeOptions: { Labels: { a: '1' }, DriverConfig: { Options: { type: 'tmpfs', device: 'x' } } },
        },
        { Type: 'volume', Target: '/w', VolumeOptions: { NoCopy: true } },
        {
          Type: 'tmpfs',
          Target: '/t',
          ReadOnly: true,
          TmpfsOptions: { SizeBytes: 3 * 2 ** 20, Mode: 0o1770, Options: [['exec']] },
        },
      ],
    });
    expect(created).toEqual([
      { Name: 'v', DriverOpts: { type: 'tmpfs', device: 'x' }, Labels: { a: '1' } },
      { Name: expect.stringMatching(ANONYMOUS), Labels: { 'com.docker.volume.anonymous': '' } },
    ]);
    const request = {
      volumeSources: new Map([['v', '/mounted/v']]),
      volumes,
      etc: { hosts: '', hostname: '', resolvConf: '' },
      readonlyRootfs: false,
    };
    const oci = ociMounts({ mounts, ...request }).list.slice(3);
    expect(oci.map(({ destination, source, options }) => `${destination} ${source} ${options?.join()}`)).toEqual([
      `/b ${base}/src bind,ro,private`,
      `/new ${base}/new rbind,rprivate`,
      `/r ${base}/src rbind,ro,rprivate`,
      '/v /mounted/v rbind,rprivate',
      expect.stringMatching(/^\/w \/volumes\/[0-9a-f]{64} rbind,rprivate$/),
      '/t tmpfs nosuid,nodev,rprivate,ro,mode=1770,size=3m,exec',
    ]);
  });

  const bind = { Type: 'bind', Source: '/', Target: '/b' } as const;
  test.each([
    [{ ...bind, Source: '/no/such' }, 'bind', 'bind source path does not exist: /no/such'],
    [{ ...bind, Source: '' }, 'bind', 'field Source must not be empty'],
    [{ ...bind, Source: 'a' }, 'bind', "invalid mount path: 'a' mount path must be absolute"],
    [{ ...bind, Target: '' }, 'bind', 'field Target must not be empty'],
    [{ ...bind, VolumeOptions: {} }, 'bind', 'field VolumeOptions must not be specified'],
    [{ ...bind, BindOptions: { Propagation: 'no' as 'shared' } }, 'bind', 'invalid propagation mode: no'],
    [
      { ...bind, BindOptions: { ReadOnlyNonRecursive: true } },
      'bind',
      'mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive',
    ],
    [{ Type: 'tmpfs', Target: '/t', Source: 'x' }, 'tmpfs', 'field Source must not be specified'],
    [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { Options: [['suid']] } }, 'tmpfs', 'invalid option: suid'],
    [
      { Type: 'volume', Target: '/v', VolumeOptions: { Subpath: 'x' } },
      'volume',
      'must not set Subpath when using anonymous volumes',
    ],
    [
      { Type: 'volume', Target: '/v', Source: 'vv', VolumeOptions: { Subpath: '../x' } },
      'volume',
      'subpath must be a relative path within the volume',
    ],
    [{ Type: 'npipe', Target: '/v' }, 'npipe', 'mount type unknown'],
  ] as const)('%p is refused', async (spec, type, message) => {
    const Mounts = [JSON.parse(JSON.stringify(spec))] as HostConfig['Mounts'];
    await expect(resolve({ Mounts })).rejects.toThrow(new Error(`invalid mount config for type "${type}": ${message}`));
  });
});

test('--volumes-from brings volumes and binds, read-only if asked to, and can be overridden', async () => {
  const others = {
    other: await resolve({ Binds: ['data:/data', `${base}:/b:ro`], Mounts: [{ Type: 'tmpfs', Target: '/t' }] }),
  };
  created = [];
  const mounts = await shown({ VolumesFrom: ['other:ro'], Binds: [`${base}:/b`] }, {}, others);
  expect(mounts.map(mount => `${mount.Destination} ${mount.Name ?? mount.Source} ${mount.RW}`)).toEqual([
    '/data data false',
    `/b ${base} true`,
  ]);
  expect(created).toEqual([]);
  await expect(resolve({ VolumesFrom: ['nobody'] })).rejects.toThrow('No such container: nobody');
  await expect(resolve({ VolumesFrom: ['other:rshared'] }, {}, others)).rejects.toThrow('invalid mode: rshared');
  await expect(resolve({ VolumesFrom: [''] })).rejects.toThrow('volumes-from specification cannot be an empty string');
});

test('the volumes of an image give way to what is mounted there', async () => {
  const config = { Volumes: { '/a/': {}, '/b': {}, '/c': {} } };
  const mounts = await resolve({ Binds: [`${base}:/a`], Tmpfs: { '/c': '' } }, config);
  expect(mounts.map(mount => `${mount.Destination} ${mount.Type} ${mount.anonymous ?? false}`)).toEqual([
    '/a bind false',
    '/b volume true',
  ]);
});

test('one place takes one mount', async () => {
  const message = 'Duplicate mount point: /a';
  await expect(resolve({ Binds: ['one:/a', 'two:/a/'] })).rejects.toThrow(message);
  await expect(resolve({ Binds: ['one:/a'], Mounts: [{ Type: 'tmpfs', Target: '/a' }] })).rejects.toThrow(message);
  await expect(resolve({ Binds: ['one:/a'], Tmpfs: { '/a': '' } })).rejects.toThrow(message);
});

test('volumes that nobody named have their names before any is made', async () => {
  const hostConfig = { Binds: ['/first', 'broken:/x', '/last'] };
  const mounts = resolveMountPoints({ config: {}, hostConfig, engineRoots: [], mountsOf: () => [] });
  const names = mounts.map(mount => mount.Name!);
  expect(created).toEqual([]);
  expect(names.filter(name => ANONYMOUS.test(name))).toHaveLength(2);
  await expect(makeVolumes(mounts, volumes as Volumes)).rejects.toThrow('broken');
  expect(created.map(({ Name }) => Name)).toEqual(names.slice(0, 2));
});

test('what holds the engine’s own mounts is a slave of the host, so that they go there too', async () => {
  const propagation = async (line: string) => (await resolve({ Binds: [line] }))[0]!.Propagation;
  expect(await propagation('/:/host')).toBe('rslave');
  expect(await propagation('/engine/data/volumes:/v:ro')).toBe('rslave');
  expect(await propagation('/engine:/v:rshared')).toBe('rshared');
  expect(await propagation('/engine/database:/v')).toBe('rprivate');
  await expect(resolve({ Binds: ['/engine:/v:private'] })).rejects.toThrow(
    'must use either propagation mode "rslave" or "rshared"',
  );
});
