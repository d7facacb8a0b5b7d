import { expect, test } from 'bun:test';
import { variables } from './link-environment.ts';

test('a link is told as variables', () => {
  const told = variables({
    alias: 'my-db',
    address: '172.17.0.5',
    name: '/web/my-db',
    ports: ['53/udp', '5432/tcp'],
    environment: ['PATH=/bin', 'HOME=/', 'USER=alice', 'EMPTY'],
  });
  expect(told).toEqual([
    'MY_DB_PORT=tcp://172.17.0.5:5432',
    'MY_DB_PORT_5432_TCP=tcp://172.17.0.5:5432',
    'MY_DB_PORT_5432_TCP_ADDR=172.17.0.5',
    'MY_DB_PORT_5432_TCP_PORT=5432',
    'MY_DB_PORT_5432_TCP_PROTO=tcp',
    'MY_DB_PORT_53_UDP=udp://172.17.0.5:53',
    'MY_DB_PORT_53_UDP_ADDR=172.17.0.5',
    'MY_DB_PORT_53_UDP_PORT=53',
    'MY_DB_PORT_53_UDP_PROTO=udp',
    'MY_DB_NAME=/web/my-db',
    'MY_DB_ENV_USER=alice',
  ]);
});

test('ports in a row are also told as a range', () => {
  const told = variables({
    alias: 'db',
    address: '10.0.0.1',
    name: '/a/db',
    ports: ['81', '80', '82', '90'],
    environment: [],
  });
  expect(told).toContain('DB_PORT_80_TCP_START=tcp://10.0.0.1:80');
  expect(told).toContain('DB_PORT_80_TCP_PORT_END=82');
  expect(told.filter(line => line.includes('_START='))).toHaveLength(2);
});

test('without ports there is still a name', () => {
  expect(variables({ alias: 'db', address: '10.0.0.1', name: '/a/db', ports: [], environment: [] })).toEqual([
    'DB_NAME=/a/db',
  ]);
});
