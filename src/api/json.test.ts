import { expect, test } from 'bun:test';
import { decode } from './json.ts';

test('a container: everything a client may send, in its place and of its type', () => {
  const body = {
    Image: 'busybox',
    Cmd: 'true',
    Entrypoint: ['sh', '-c'],
    ExposedPorts: { '80/tcp': {}, '81/tcp': null },
    Healthcheck: { Test: ['CMD', 'true'], Interval: 1e9 },
    HostConfig: {
      Memory: 2 ** 62,
      Binds: null,
      PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }], '81/tcp': null },
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
      Mounts: [{ Type: 'bind', Source: '/a', Target: '/b', BindOptions: { Propagation: 'rprivate' } }],
    },
    NetworkingConfig: { EndpointsConfig: { net: { Aliases: ['a'] }, other: null } },
  };
  expect(decode('ContainerCreateRequest', body)).toEqual({
    Image: 'busybox',
    Cmd: ['true'],
    Entrypoint: ['sh', '-c'],
    ExposedPorts: { '80/tcp': {}, '81/tcp': {} },
    Healthcheck: { Test: ['CMD', 'true'], Interval: 1e9 },
    HostConfig: {
      Memory: 2 ** 62,
      PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }], '81/tcp': [] },
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
      Mounts: [{ Type: 'bind', Source: '/a', Target: '/b', BindOptions: { Propagation: 'rprivate' } }],
    },
    NetworkingConfig: { EndpointsConfig: { net: { Aliases: ['a'] }, other: {} } },
  });
});

const wrong: [unknown, string][] = [
  [{ HostConfig: { Memory: '1g' } }, 'field HostConfig.Memory must be an integer, not a string'],
  [{ HostConfig: { Memory: 1.5 } }, 'field HostConfig.Memory must be an integer, not the number 1.5'],
  [{ HostConfig: [] }, 'field HostConfig must be an object, not an array'],
  [
    { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: 80 }] } } },
    'field HostConfig.PortBindings["80/tcp"][0].HostPort must be a string, not the number 80',
  ],
  [{ Labels: { a: 1 } }, 'field Labels["a"] must be a string, not the number 1'],
  [{ Env: 'A=b' }, 'field Env must be an array, not a string'],
  [{ Cmd: [1] }, 'field Cmd[0] must be a string, not the number 1'],
];
test.each(wrong)('%j', (body, message) => {
  expect(() => decode('ContainerCreateRequest', body)).toThrow(`invalid JSON: ${message}`);
});
