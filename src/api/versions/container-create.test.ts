import { describe, expect, test } from 'bun:test';
import type { ContainerCreateRequest } from '../../wire/types.ts';
import { Query } from '../query.ts';
import { ApiVersion } from '../version.ts';
import { createFrom } from './container-create.ts';

const adapt = (version: string, body: ContainerCreateRequest, query = '') =>
  createFrom(new ApiVersion(version), new Query(query), structuredClone(body));

const hostConfig = (version: string, config: ContainerCreateRequest['HostConfig']) =>
  adapt(version, { Image: 'a', HostConfig: config }).create.hostConfig;

test('a container needs a configuration', () => {
  const message = 'config cannot be empty in order to create a container';
  expect(() => adapt('1.56', {})).toThrow(message);
  expect(() => adapt('1.56', { HostConfig: { Memory: 1 } })).toThrow(message);
});

test('name and platform come from the query; the platform is known since 1.41', () => {
  expect(adapt('1.41', { Image: 'a' }, 'name=n&platform=linux/arm64').create).toMatchObject({
    name: 'n',
    platform: 'linux/arm64',
  });
  expect(adapt('1.40', { Image: 'a' }, 'platform=linux/arm64').create.platform).toBeUndefined();
});

test('defaults are those of the time', () => {
  expect(hostConfig('1.39', {})).toMatchObject({ IpcMode: 'shareable', NetworkMode: 'default' });
  expect(hostConfig('1.40', {}).IpcMode).toBeUndefined();
  expect(hostConfig('1.42', { Annotations: { a: 'b' } }).Annotations).toBeUndefined();
  expect(hostConfig('1.43', { Annotations: { a: 'b' } }).Annotations).toEqual({ a: 'b' });
  expect(hostConfig('1.41', { ConsoleSize: [1, 2] }).ConsoleSize).toBeUndefined();
  expect(hostConfig('1.42', { ConsoleSize: [1, 2] }).ConsoleSize).toEqual([1, 2]);
  expect(hostConfig('1.56', { PidsLimit: -1 }).PidsLimit).toBeNull();
  expect(hostConfig('1.56', { PidsLimit: 5 }).PidsLimit).toBe(5);
});

test('the start interval of health checks is known since 1.44', () => {
  const body = { Image: 'a', Healthcheck: { Interval: 1, StartInterval: 2 } };
  expect(adapt('1.43', body).create.config.Healthcheck).toEqual({ Interval: 1 });
  expect(adapt('1.44', body).create.config.Healthcheck).toEqual({ Interval: 1, StartInterval: 2 });
});

describe('mounts', () => {
  const mountOf = (version: string, mount: object) => hostConfig(version, { Mounts: [mount] }).Mounts![0];

  test('have no options of another type; older clients did not know', () => {
    const mount = { Type: 'bind', VolumeOptions: { NoCopy: true } };
    expect(mountOf('1.41', mount)).toEqual({ Type: 'bind' });
    expect(() => mountOf('1.42', mount)).toThrow('VolumeOptions must not be specified on mount type "bind"');
    expect(() => mountOf('1.42', { Type: 'volume', BindOptions: {} })).toThrow('BindOptions must not');
    expect(() => mountOf('1.42', { Type: 'bind', TmpfsOptions: {} })).toThrow('TmpfsOptions must not');
  });

  test('that are read-only were so at the top only, before 1.44', () => {
    expect(mountOf('1.43', { Type: 'bind', ReadOnly: true })?.BindOptions).toEqual({ ReadOnlyNonRecursive: true });
    expect(mountOf('1.44', { Type: 'bind', ReadOnly: true })?.BindOptions).toBeUndefined();
    expect(() => mountOf('1.43', { Type: 'bind', BindOptions: { ReadOnlyForceRecursive: true } })).toThrow('API v1.44');
  });

  test('name the version they need', () => {
    expect(() => mountOf('1.44', { Type: 'volume', VolumeOptions: { Subpath: 'a' } })).toThrow('API v1.45');
    expect(() => mountOf('1.47', { Type: 'image' })).toThrow('API v1.48');
    expect(mountOf('1.48', { Type: 'image' })).toEqual({ Type: 'image' });
  });
});

describe('a MAC address of the whole container', () => {
  const body: ContainerCreateRequest = {
    Image: 'a',
    MacAddress: '02:00:00:00:00:01',
    HostConfig: { NetworkMode: 'net' },
  };

  test('is its endpoint’s for older clients', () => {
    const { create, warnings } = adapt('1.43', body);
    expect(create.networkingConfig.EndpointsConfig).toEqual({ net: { MacAddress: '02:00:00:00:00:01' } });
    expect(create.config.MacAddress).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  test('brings a warning from 1.44 and an error from 1.52 on', () => {
    expect(adapt('1.44', body).warnings[0]).toContain('MacAddress field is now deprecated');
    expect(() => adapt('1.52', body)).toThrow('container-wide MAC address no longer supported');
  });

  test('needs a network that has one', () => {
    expect(() => adapt('1.43', { ...body, HostConfig: { NetworkMode: 'host' } })).toThrow('conflicting options');
  });

  test('may not contradict the endpoint’s', () => {
    const endpoints = { NetworkingConfig: { EndpointsConfig: { net: { MacAddress: '02:00:00:00:00:02' } } } };
    expect(() => adapt('1.44', { ...body, ...endpoints })).toThrow('must match the endpoint-specific MAC address');
  });

  test('of an endpoint was unknown before 1.44', () => {
    const endpoints = { NetworkingConfig: { EndpointsConfig: { net: { MacAddress: '02:00:00:00:00:02' } } } };
    const { create } = adapt('1.43', { Image: 'a', ...endpoints });
    expect(create.networkingConfig.EndpointsConfig).toEqual({ net: {} });
  });
});

test('several endpoints came with 1.44, their priority with 1.48', () => {
  const body = { Image: 'a', NetworkingConfig: { EndpointsConfig: { a: { GwPriority: 1 }, b: {} } } };
  expect(() => adapt('1.43', body)).toThrow('multiple network endpoints: a, b');
  expect(adapt('1.47', body).create.networkingConfig.EndpointsConfig).toEqual({ a: {}, b: {} });
  expect(adapt('1.48', body).create.networkingConfig.EndpointsConfig?.a).toEqual({ GwPriority: 1 });
});

describe('sysctls of an interface', () => {
  const body = (name: string) => ({ Image: 'a', HostConfig: { NetworkMode: 'net', Sysctls: { [name]: '1' } } });

  test('move to the endpoint for clients before 1.48', () => {
    const { create, warnings } = adapt('1.47', body('net.ipv4.conf.eth0.forwarding'));
    expect(create.hostConfig.Sysctls).toEqual({});
    expect(create.networkingConfig.EndpointsConfig).toEqual({
      net: { DriverOpts: { 'com.docker.network.endpoint.sysctls': 'net.ipv4.conf.IFNAME.forwarding=1' } },
    });
    expect(warnings[0]).toContain('Migrated sysctl');
  });

  test('must stand at the endpoint since then', () => {
    expect(() => adapt('1.48', body('net.ipv4.conf.eth0.forwarding'))).toThrow('must be supplied using driver option');
  });

  test('that is not the first can’t be placed', () => {
    expect(() => adapt('1.47', body('net.ipv4.conf.eth1.forwarding'))).toThrow('unable to determine network endpoint');
  });

  test('of no interface stay where they are', () => {
    expect(adapt('1.56', body('net.ipv4.ip_forward')).create.hostConfig.Sysctls).toEqual({
      'net.ipv4.ip_forward': '1',
    });
  });
});

test('a port without bindings gets an open one; since 1.52 with a warning', () => {
  const body = { Image: 'a', HostConfig: { PortBindings: { '80/tcp': [], '81/tcp': [{ HostPort: '1' }] } } };
  for (const version of ['1.51', '1.52']) {
    const { create, warnings } = adapt(version, body);
    expect(create.hostConfig.PortBindings).toEqual({ '80/tcp': [{}], '81/tcp': [{ HostPort: '1' }] });
    expect(warnings.length).toBe(version === '1.52' ? 1 : 0);
  }
});

test('a volume driver that does not reach mounts is told of since 1.48', () => {
  const config = { VolumeDriver: 'd', Mounts: [{ Type: 'volume' as const }] };
  expect(adapt('1.47', { Image: 'a', HostConfig: config }).warnings).toEqual([]);
  expect(adapt('1.48', { Image: 'a', HostConfig: config }).warnings.length).toBe(1);
});
