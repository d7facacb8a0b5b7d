import { expect, test } from 'bun:test';
import { shownConfig, shownHostConfig } from './shown-config.ts';

test('what nobody set is shown as Docker shows it', () => {
  expect(shownHostConfig({})).toMatchObject({ Memory: 0, IpcMode: '', ConsoleSize: [0, 0] });
  expect(shownHostConfig({})).toHaveProperty('Binds', null);
  expect(shownHostConfig({})).not.toHaveProperty('Tmpfs');
  expect(shownConfig({ Cmd: ['sh'], Volumes: {}, ExposedPorts: {}, StopSignal: undefined })).toEqual({
    Hostname: '',
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: null,
    Cmd: ['sh'],
    Image: '',
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    Labels: {},
  } as never);
});

test('what is set is shown as it is', () => {
  expect(shownHostConfig({ Memory: 5, Init: false, Binds: [], Tmpfs: { '/t': '' } })).toMatchObject({
    Memory: 5,
    Init: false,
    Binds: [],
    Tmpfs: { '/t': '' },
  });
});

test('a published port is shown with both its fields', () => {
  const PortBindings = { '80/tcp': [{ HostPort: '8080' }, {}], '81/tcp': null };
  expect(shownHostConfig({ PortBindings }).PortBindings).toEqual({
    '80/tcp': [
      { HostIp: '', HostPort: '8080' },
      { HostIp: '', HostPort: '' },
    ],
    '81/tcp': null,
  });
  expect(shownHostConfig({}).PortBindings).toEqual({});
});
