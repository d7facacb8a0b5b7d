import { describe, expect, test } from 'bun:test';
import type { DiskUsage } from '../../engine/system/system.ts';
import type { ContainerInspectResponse, EventMessage, SystemInfo } from '../../wire/types.ts';
import { ApiVersion } from '../version.ts';
import { inspectFor, statsFor, summaryFor, updateFrom } from './containers.ts';
import { diskUsageFor, eventFor, infoFor } from './system.ts';

const v = (text: string) => new ApiVersion(text);

describe('a container in a list', () => {
  const summary = {
    Id: 'a',
    Health: { Status: 'none' as const },
    ImageManifestDescriptor: { digest: 'd' },
    HostConfig: { NetworkMode: 'host', Annotations: { a: 'b' } },
  };
  test('is whole for new clients, and never changed for them', () => {
    const before = structuredClone(summary);
    expect(summaryFor(v('1.56'), summary)).toEqual(before);
    summaryFor(v('1.24'), summary);
    expect(summary).toEqual(before);
  });
  test.each([
    ['1.51', ['Id', 'ImageManifestDescriptor', 'HostConfig']],
    ['1.47', ['Id', 'HostConfig']],
  ])('%s', (version, fields) => {
    expect(Object.keys(summaryFor(v(version), summary)).sort()).toEqual([...fields].sort());
  });
  test('shows annotations since 1.46', () => {
    expect(summaryFor(v('1.45'), summary).HostConfig).toEqual({ NetworkMode: 'host' });
    expect(summaryFor(v('1.46'), summary).HostConfig?.Annotations).toEqual({ a: 'b' });
  });
});

describe('an inspected container', () => {
  const inspect: ContainerInspectResponse = {
    Id: '0123456789abcdef',
    Config: { Hostname: 'host' },
    HostConfig: { NetworkMode: 'bridge' },
    GraphDriver: null,
    Storage: { RootFS: { Snapshot: { Name: 'overlayfs' } } },
    NetworkSettings: {
      Ports: {},
      Networks: {
        bridge: {
          IPAddress: '172.17.0.2',
          IPPrefixLen: 16,
          MacAddress: '02:42',
          Gateway: '172.17.0.1',
          EndpointID: 'e',
        },
        own: { Aliases: ['a'] },
      },
    },
  };
  test('is as the engine says since 1.52', () => {
    expect(inspectFor(v('1.52'), inspect)).toBe(inspect);
  });
  test('had the bridge beside its networks', () => {
    const older = inspectFor(v('1.51'), inspect);
    expect(older.NetworkSettings).toMatchObject({
      Bridge: '',
      IPAddress: '172.17.0.2',
      IPPrefixLen: 16,
      Gateway: '172.17.0.1',
      MacAddress: '02:42',
      SecondaryIPAddresses: null,
      Ports: {},
    });
    expect(older.Config).toMatchObject({ Hostname: 'host', OnBuild: null, MacAddress: '02:42' });
    expect(older.GraphDriver).toEqual({ Name: 'overlayfs', Data: {} });
    expect(older.Storage).toBeUndefined();
  });
  test('had its short id among the aliases before 1.45, on networks of its own', () => {
    expect(inspectFor(v('1.44'), inspect).NetworkSettings?.Networks?.own?.Aliases).toEqual([
      'a',
      '0123456789ab',
      'host',
    ]);
    expect(inspectFor(v('1.44'), inspect).NetworkSettings?.Networks?.bridge?.Aliases).toBeUndefined();
    expect(inspectFor(v('1.45'), inspect).NetworkSettings?.Networks?.own?.Aliases).toEqual(['a']);
  });
  test('without networks is empty where the bridge was', () => {
    expect(inspectFor(v('1.40'), { Id: 'a', NetworkSettings: { Networks: {} } }).NetworkSettings).toMatchObject({
      IPAddress: '',
      IPPrefixLen: 0,
    });
  });
});

test('statistics name the system since 1.52', () => {
  expect(statsFor(v('1.51'), { id: 'a', os_type: 'linux' })).toEqual({ id: 'a' });
  expect(statsFor(v('1.52'), { id: 'a', os_type: 'linux' })).toEqual({ id: 'a', os_type: 'linux' });
});

test('an update changes only what its version knows', () => {
  const update = () => ({ PidsLimit: 5, BlkioWeightDevice: [], CpuShares: 1 });
  expect(updateFrom(v('1.39'), update())).toEqual({ CpuShares: 1 });
  expect(updateFrom(v('1.54'), update())).toEqual({ CpuShares: 1, PidsLimit: 5 });
  expect(updateFrom(v('1.55'), update())).toEqual(update());
  expect(updateFrom(v('1.55'), { PidsLimit: -1 })).toEqual({ PidsLimit: 0 });
});

describe('info', () => {
  const info: SystemInfo = {
    ID: 'x',
    NRI: {},
    DiscoveredDevices: [],
    FirewallBackend: { Driver: 'nftables' },
    Containerd: {},
    Warnings: [],
    RuncCommit: { ID: 'c' },
    RegistryConfig: { Mirrors: [] },
    Runtimes: { crun: { path: 'crun', status: { a: 'b' } } },
  };
  const keys = (version: string) => Object.keys(infoFor(v(version), info));

  test('loses what came later', () => {
    expect(infoFor(v('1.53'), info)).toEqual({ ...info });
    expect(keys('1.52')).not.toContain('NRI');
    expect(keys('1.49')).not.toContain('DiscoveredDevices');
    expect(keys('1.48')).not.toContain('FirewallBackend');
    expect(keys('1.45')).not.toContain('Containerd');
    expect(keys('1.38')).not.toContain('Warnings');
    expect(infoFor(v('1.43'), info)['Runtimes']).toEqual({ crun: { path: 'crun' } });
  });
  test('has what went away', () => {
    expect(infoFor(v('1.49'), info)).toMatchObject({ BridgeNfIptables: false, BridgeNfIp6tables: false });
    expect(infoFor(v('1.48'), info)).toMatchObject({
      RuncCommit: { ID: 'c', Expected: 'c' },
      RegistryConfig: { Mirrors: [], AllowNondistributableArtifactsCIDRs: null },
    });
    expect(infoFor(v('1.41'), info)).toMatchObject({ KernelMemory: false });
    expect(keys('1.50')).not.toContain('BridgeNfIptables');
  });
});

describe('an event', () => {
  const start: EventMessage = { Type: 'container', Action: 'start', Actor: { ID: 'c', Attributes: { image: 'i' } } };
  test('had its old fields until 1.52', () => {
    expect(eventFor(v('1.51'), start)).toEqual({ status: 'start', id: 'c', from: 'i', ...start });
    expect(eventFor(v('1.52'), start)).toEqual(start);
    expect(eventFor(v('1.51'), { Type: 'volume', Action: 'create' })).toEqual({ Type: 'volume', Action: 'create' });
  });
  test('that the client does not know is left out', () => {
    expect(eventFor(v('1.45'), { Type: 'image', Action: 'create' })).toBeUndefined();
    expect(eventFor(v('1.46'), { Type: 'image', Action: 'create' })).toBeDefined();
    expect(eventFor(v('1.35'), { Type: 'container', Action: 'exec_die' })).toBeUndefined();
  });
});

describe('disk usage', () => {
  const part = { ActiveCount: 1, TotalCount: 2, Reclaimable: 3, TotalSize: 4, Items: [] };
  const usage = { containers: part, volumes: part };
  test('has the fields of its time', () => {
    expect(Object.keys(diskUsageFor(v('1.51'), usage, false))).toEqual(['Containers', 'Volumes']);
    expect(Object.keys(diskUsageFor(v('1.41'), usage, false))).toContain('BuilderSize');
    expect(Object.keys(diskUsageFor(v('1.52'), usage, false)).sort()).toEqual([
      'ContainerUsage',
      'Containers',
      'VolumeUsage',
      'Volumes',
    ]);
    expect(diskUsageFor(v('1.52'), usage, true)).toEqual({ ContainerUsage: part, VolumeUsage: part });
  });
  test('counts the containers of an image for every client', () => {
    const image = { Id: 'i', RepoTags: ['a:b'], RepoDigests: [], Size: 5, Containers: 3 };
    const images = { ...part, Items: [image] } as unknown as NonNullable<DiskUsage['images']>;
    expect(diskUsageFor(v('1.43'), { images }, false)['Images']).toMatchObject([{ Containers: 3, VirtualSize: 5 }]);
  });
  test('is brief unless asked', () => {
    expect(diskUsageFor(v('1.52'), usage, false)['ContainerUsage']).toEqual({
      ActiveCount: 1,
      TotalCount: 2,
      Reclaimable: 3,
      TotalSize: 4,
    });
  });
});
