import { expect, test } from 'bun:test';
import { FakeEngine, Status } from '../../testing/fake-engine.ts';
import { subnetConfigs } from './subnets.ts';

const none = { subnets: [], ranges: [], gateways: [], auxiliary: {} };

test('ranges, gateways and other addresses go to the subnet they are in', () => {
  const configs = subnetConfigs({
    subnets: ['10.1.0.0/16', 'fd00::/64', '10.2.0.0/16'],
    ranges: ['10.2.3.0/24'],
    gateways: ['10.1.0.1', 'fd00::1'],
    auxiliary: { printer: '10.2.0.9', old: '::ffff:10.1.0.9' },
  });
  expect(configs).toEqual([
    { Subnet: '10.1.0.0/16', Gateway: '10.1.0.1', AuxiliaryAddresses: { old: '::ffff:10.1.0.9' } },
    { Subnet: 'fd00::/64', Gateway: 'fd00::1', AuxiliaryAddresses: {} },
    { Subnet: '10.2.0.0/16', IPRange: '10.2.3.0/24', AuxiliaryAddresses: { printer: '10.2.0.9' } },
  ]);
});

test('what belongs to no subnet, or too much to one, is refused', () => {
  const failing: [Partial<typeof none> | object, string][] = [
    [{ gateways: ['10.0.0.1'] }, 'every ip-range or gateway must have a corresponding subnet'],
    [{ subnets: ['10.0.0.0/8', '10.1.0.0/16'] }, 'multiple overlapping subnet configuration is not supported'],
    [{ subnets: ['10.0.0.0/8'], gateways: ['11.0.0.1'] }, 'no matching subnet for gateway 11.0.0.1'],
    [{ subnets: ['10.0.0.0/8'], ranges: ['10.0.0.300/24'] }, 'invalid CIDR address: 10.0.0.300/24'],
    [{ subnets: ['10.0.0.0/8'], auxiliary: { a: '1.2.3.4' } }, 'no matching subnet for aux-address 1.2.3.4'],
    [
      { subnets: ['10.0.0.0/8', '11.0.0.0/8'], gateways: ['10.0.0.1', '10.0.0.2'] },
      'cannot configure multiple gateways (10.0.0.2, 10.0.0.1) for the same subnet (10.0.0.0/8)',
    ],
  ];
  for (const [flags, message] of failing) expect(() => subnetConfigs({ ...none, ...flags })).toThrow(message);
});

test('create sends all that was asked for', async () => {
  using engine = new FakeEngine({ 'POST /networks/create': { Id: 'abc' } });
  const flags =
    '--driver macvlan -o parent=eth0 --label a=b --internal --ipv6 --subnet 10.9.0.0/16 --ip-range 10.9.1.0/24';
  const { out } = await engine.docker('network', 'create', ...flags.split(' '), 'net1');
  expect(out).toBe('abc\n');
  expect(JSON.parse(engine.asked[0]!.body)).toEqual({
    Name: 'net1',
    Driver: 'macvlan',
    Scope: '',
    EnableIPv6: true,
    IPAM: {
      Driver: 'default',
      Config: [{ Subnet: '10.9.0.0/16', IPRange: '10.9.1.0/24', AuxiliaryAddresses: {} }],
      Options: {},
    },
    Internal: true,
    Attachable: false,
    Ingress: false,
    ConfigOnly: false,
    Options: { parent: 'eth0' },
    Labels: { a: 'b' },
  });
});

test('old engines are asked not to make a second network of the name', async () => {
  using engine = new FakeEngine({ 'POST /networks/create': { Id: 'abc' } }, '1.41');
  await engine.docker('network', 'create', 'net1');
  expect(JSON.parse(engine.asked[0]!.body).CheckDuplicate).toBe(true);
});

test('networks are listed in natural order', async () => {
  const network = (Name: string) => ({ Name, Id: `${Name}-0123456789abcdef`, Driver: 'bridge', Scope: 'local' });
  using engine = new FakeEngine({ 'GET /networks': ['net10', 'net2', 'a'].map(network) });
  expect((await engine.docker('network', 'ls', '--format', '{{.Name}}')).out).toBe('a\nnet2\nnet10\n');
  expect((await engine.docker('network', 'ls', '-f', 'driver=bridge')).out.split('\n')[0]).toBe(
    'NETWORK ID     NAME      DRIVER    SCOPE',
  );
  expect(JSON.parse(engine.asked.at(-1)!.query['filters']!)).toEqual({ driver: { bridge: true } });
});

test('rm removes what it can, says what it could not, and fails', async () => {
  using engine = new FakeEngine({
    'GET /networks/one': {},
    'DELETE /networks/one': '',
    'DELETE /networks/busy': new Status(403, 'network busy has active endpoints'),
  });
  const ran = await engine.docker('network', 'rm', 'busy', 'one', 'gone');
  expect(ran).toEqual({
    code: 1,
    out: 'one\n',
    err:
      'Error response from daemon: network busy has active endpoints\n' +
      'Error response from daemon: no such thing: /networks/gone\nexit status 1\n',
  });
  expect((await engine.docker('network', 'rm', '-f', 'gone')).code).toBe(0);
});

test('connect sends addresses and names', async () => {
  using engine = new FakeEngine({ 'POST /networks/n/connect': '' });
  await engine.docker('network', 'connect', '--ip', '10.0.0.9', '--alias', 'a,b', '--driver-opt', 'k = v', 'n', 'c');
  expect(JSON.parse(engine.asked[0]!.body)).toMatchObject({
    Container: 'c',
    EndpointConfig: { IPAMConfig: { IPv4Address: '10.0.0.9' }, Aliases: ['a', 'b'], DriverOpts: { k: 'v' } },
  });
  expect((await engine.docker('network', 'connect', '--driver-opt', 'k', 'n', 'c')).err).toBe(
    'invalid key/value pair format in driver options\n',
  );
});
