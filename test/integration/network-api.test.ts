// What the API says of networks, and what it refuses, word by word as Docker does.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { EventMessage, Network } from '../../src/wire/types.ts';
import type { Answer, Api } from '../support/api.ts';
import { NetworkHost } from '../support/network-host.ts';

let lan: NetworkHost;
let api: Api;

beforeAll(async () => {
  lan = await NetworkHost.start({ flags: ['--default-address-pool', 'base=10.200.0.0/16,size=24'] });
  api = lan.engine.api;
});

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
});

const create = (body: Record<string, unknown>): Promise<Answer> => api.post('/networks/create', body);
const inspect = async (name: string) => (await api.get(`/networks/${name}`)).ok.json<Network>();
const subnet = (Subnet: string, more: Record<string, unknown> = {}) => ({ IPAM: { Config: [{ Subnet, ...more }] } });

async function expectRefusal(answer: Promise<Answer>, status: number, message: string): Promise<void> {
  const { status: found, text } = await answer;
  expect({ status: found, text }).toEqual({
    status,
    text: expect.stringContaining(JSON.stringify(message).slice(1, -1)),
  });
}

async function container(
  name: string,
  host: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
): Promise<string> {
  const body = { Image: 'busybox', Cmd: ['sleep', '600'], StopSignal: 'SIGKILL', HostConfig: host, ...more };
  return (await api.post(`/containers/create?name=${name}`, body)).ok.json<{ Id: string }>().Id;
}

describe('create', () => {
  test('chooses from the engine’s pools and says all of it', async () => {
    (await create({ Name: 'first', Labels: { a: 'b' }, Attachable: true })).ok;
    const first = await inspect('first');
    expect(first).toMatchObject({
      Name: 'first',
      Driver: 'bridge',
      Scope: 'local',
      EnableIPv4: true,
      EnableIPv6: false,
      Internal: false,
      Attachable: true,
      Ingress: false,
      ConfigOnly: false,
      ConfigFrom: { Network: '' },
      Labels: { a: 'b' },
      Options: {},
      Containers: {},
    } as Record<string, unknown>);
    expect(first.IPAM).toMatchObject({
      Driver: 'default',
      Config: [{ Gateway: expect.stringMatching(/^10\.200\.\d+\.1$/) }],
    });
    (await api.delete('/networks/first')).ok;
  });

  test('refuses names that are taken or not to be had', async () => {
    (await create({ Name: 'taken' })).ok;
    await expectRefusal(create({ Name: 'taken' }), 409, 'network with name taken already exists');
    for (const name of ['bridge', 'host', 'none', 'default']) {
      await expectRefusal(create({ Name: name }), 403, `operation is not permitted on predefined ${name} network`);
    }
    await expectRefusal(create({ Name: ' ' }), 400, 'invalid name: name is empty');
    (await api.delete('/networks/taken')).ok;
  });

  test('refuses drivers it does not have', async () => {
    await expectRefusal(create({ Name: 'x', Driver: 'nope' }), 404, 'plugin "nope" not found');
    await expectRefusal(create({ Name: 'x', Driver: 'host' }), 403, 'only one instance of "host" network is allowed');
    await expectRefusal(create({ Name: 'x', IPAM: { Driver: 'nope' } }), 404, 'plugin "nope" not found');
    await expectRefusal(
      create({ Name: 'x', Scope: 'swarm' }),
      403,
      'cannot create a swarm scoped network when swarm is not active',
    );
  });

  test('refuses ranges that make no sense, all of them at once', async () => {
    await expectRefusal(
      create({ Name: 'x', ...subnet('10.1.0.5/24', { IPRange: '10.2.0.0/16', Gateway: '10.9.0.1' }) }),
      400,
      [
        'invalid network config:',
        'invalid subnet 10.1.0.5/24: it should be 10.1.0.0/24',
        'invalid ip-range 10.2.0.0/16: CIDR block is bigger than its parent subnet 10.1.0.5/24',
      ].join('\n'),
    );
    await expectRefusal(
      create({ Name: 'x', ...subnet('10.1.0.0/24', { Gateway: 'fd00::1' }) }),
      400,
      'invalid gateway fd00::1: parent subnet is an IPv4 block',
    );
    await expectRefusal(
      create({ Name: 'x', ...subnet('10.1.0.0/24', { AuxiliaryAddresses: { a: '10.2.0.1' } }) }),
      400,
      "invalid auxiliary address a: parent subnet 10.1.0.0/24 doesn't contain this address",
    );
    await expectRefusal(
      create({ Name: 'x', IPAM: { Config: [{ AuxiliaryAddresses: { a: '10.2.0.1' } }] } }),
      400,
      'every ip-range or gateway must have a corresponding subnet',
    );
    await expectRefusal(create({ Name: 'x', EnableIPv4: false }), 400, 'IPv4 or IPv6 must be enabled');
  });

  test('refuses subnets that overlap', async () => {
    (await create({ Name: 'wide', ...subnet('10.60.0.0/16') })).ok;
    await expectRefusal(
      create({ Name: 'x', ...subnet('10.60.7.0/24') }),
      403,
      'invalid pool request: Pool overlaps with other one on this address space',
    );
    (await api.delete('/networks/wide')).ok;
  });

  test('takes several subnets, a range, a gateway and addresses that are others’', async () => {
    const Config = [
      {
        Subnet: '10.61.0.0/24',
        IPRange: '10.61.0.128/30',
        Gateway: '10.61.0.254',
        AuxiliaryAddresses: { printer: '10.61.0.128' },
      },
      { Subnet: '10.62.0.0/24' },
    ];
    (await create({ Name: 'several', IPAM: { Config } })).ok;
    const addresses: string[] = [];
    for (const name of ['s1', 's2', 's3', 's4']) {
      const id = await container(name, { NetworkMode: 'several' });
      (await api.post(`/containers/${id}/start`)).ok;
      addresses.push(await lan.address(name, 'several'));
    }
    expect(addresses).toEqual(['10.61.0.129', '10.61.0.130', '10.61.0.131', '10.62.0.2']);
    for (const name of ['s1', 's2', 's3', 's4']) (await api.delete(`/containers/${name}?force=1`)).ok;
    (await api.delete('/networks/several')).ok;
  });

  test('shows addresses in their usual form', async () => {
    const Config = [
      {
        Subnet: 'FD63:0::/64',
        IPRange: 'fd63:0:0:0:8000::/65',
        Gateway: 'fd63::00FE',
        AuxiliaryAddresses: { printer: 'FD63::1' },
      },
    ];
    (await create({ Name: 'spelled', EnableIPv4: false, EnableIPv6: true, IPAM: { Config } })).ok;
    const { IPAM } = (await api.get('/networks/spelled')).ok.json<{ IPAM: { Config: unknown } }>();
    expect(IPAM.Config).toEqual([
      {
        Subnet: 'fd63::/64',
        IPRange: 'fd63::8000:0:0:0/65',
        Gateway: 'fd63::fe',
        AuxiliaryAddresses: { printer: 'fd63::1' },
      },
    ]);
    (await api.delete('/networks/spelled')).ok;
  });

  test('says so when the pools or a subnet’s addresses are used up, and goes on when some are free again', async () => {
    await using small = await NetworkHost.start({ flags: ['--default-address-pool', 'base=10.201.0.0/29,size=30'] });
    // The default bridge has one of the two.
    const bridge = (await small.engine.api.get('/networks/bridge')).ok.json<Network>();
    expect(bridge.IPAM!.Config![0]!.Subnet).toBe('10.201.0.0/30');
    const make = (Name: string) => small.engine.api.post('/networks/create', { Name });
    (await make('last')).ok;
    await expectRefusal(make('more'), 400, 'all predefined address pools have been fully subnetted');
    (await small.engine.api.delete('/networks/last')).ok;
    (await make('more')).ok;
    const run = (name: string) =>
      small.refused('run', '-d', '--name', name, '--network', 'more', 'busybox', 'sleep', '9');
    expect((await run('only')).code).toBe(0);
    const { code, stderr } = await run('surplus');
    expect({ code, stderr }).toEqual({ code: 125, stderr: expect.stringContaining('no available IPv4 addresses') });
    await small.docker('rm', '-f', 'only');
    // Killed in between: what was given is free, what is given is not.
    await small.docker('start', 'surplus');
    await small.engine.kill();
    await small.engine.start();
    expect((await run('late')).stderr).toContain('no available IPv4 addresses');
    expect(await small.address('surplus', 'more')).toBe('10.201.0.6');
  });

  test('from the configuration of another network', async () => {
    (await create({ Name: 'config', ConfigOnly: true, ...subnet('10.63.0.0/24') })).ok;
    (await create({ Name: 'made', ConfigFrom: { Network: 'config' } })).ok;
    expect((await inspect('made')).IPAM!.Config![0]!.Subnet).toBe('10.63.0.0/24');
    await expectRefusal(api.delete('/networks/config'), 403, 'configuration network "config" is in use');
    await expectRefusal(
      create({ Name: 'x', ConfigFrom: { Network: 'none' } }),
      404,
      'configuration network "none" does not exist',
    );
    await expectRefusal(
      create({ Name: 'x', ConfigFrom: { Network: 'config' }, Labels: { a: 'b' } }),
      403,
      'user-specified configurations are not supported if the network depends on a configuration network',
    );
    (await api.delete('/networks/made')).ok;
    (await api.delete('/networks/config')).ok;
  });
});

describe('list', () => {
  const names = async (filters: Record<string, string[]>) =>
    (await api.get(`/networks?filters=${encodeURIComponent(JSON.stringify(filters))}`)).ok
      .json<Network[]>()
      .map(({ Name }) => Name)
      .sort();

  test('with every filter', async () => {
    (await create({ Name: 'listed', Labels: { tier: 'one' } })).ok;
    expect(await names({})).toEqual(['bridge', 'host', 'listed', 'none']);
    expect(await names({ type: ['builtin'] })).toEqual(['bridge', 'host', 'none']);
    expect(await names({ type: ['custom'] })).toEqual(['listed']);
    expect(await names({ driver: ['null', 'host'] })).toEqual(['host', 'none']);
    expect(await names({ name: ['ist'] })).toEqual(['listed']);
    expect(await names({ label: ['tier=one'] })).toEqual(['listed']);
    expect(await names({ label: ['tier=two'] })).toEqual([]);
    expect(await names({ scope: ['local'] })).toHaveLength(4);
    expect(await names({ dangling: ['true'] })).toEqual(['listed']);
    expect(await names({ id: [(await inspect('listed')).Id!.slice(0, 9)] })).toEqual(['listed']);
    await expectRefusal(api.get('/networks?filters={"colour":["red"]}'), 400, "invalid filter 'colour'");
    (await api.delete('/networks/listed')).ok;
  });
});

describe('remove and prune', () => {
  test('only what nobody uses', async () => {
    (await create({ Name: 'used' })).ok;
    (await create({ Name: 'unused' })).ok;
    const id = await container('user', { NetworkMode: 'used' });
    (await api.post(`/containers/${id}/start`)).ok;
    await expectRefusal(
      api.delete('/networks/used'),
      403,
      'error while removing network: network used has active endpoints (name:"user"',
    );
    await expectRefusal(api.delete('/networks/bridge'), 403, 'bridge is a pre-defined network and cannot be removed');
    await expectRefusal(api.delete('/networks/nothing'), 404, 'network nothing not found');
    expect((await api.post('/networks/prune')).ok.json()).toEqual({ NetworksDeleted: ['unused'] });
    (await api.delete(`/containers/${id}?force=1`)).ok;
    (await api.delete('/networks/used')).ok;
  });
});

describe('connect and disconnect', () => {
  test('refuse what is impossible', async () => {
    (await create({ Name: 'net', ...subnet('10.64.0.0/24') })).ok;
    for (const [name, host] of [
      ['plain', {}],
      ['hosted', { NetworkMode: 'host' }],
      ['lonely', { NetworkMode: 'none' }],
    ] as const) {
      (await api.post(`/containers/${await container(name, host)}/start`)).ok;
    }
    const connect = (network: string, Container: string, EndpointConfig = {}) =>
      api.post(`/networks/${network}/connect`, { Container, EndpointConfig });
    const disconnect = (network: string, Container: string) =>
      api.post(`/networks/${network}/disconnect`, { Container });
    await expectRefusal(connect('nope', 'plain'), 404, 'network nope not found');
    await expectRefusal(connect('net', 'nobody'), 404, 'No such container: nobody');
    for (const verb of ['connect', 'disconnect']) {
      await expectRefusal(api.post(`/networks/net/${verb}`, {}), 400, 'no container named');
      await expectRefusal(api.post(`/networks/net/${verb}`, { Container: '' }), 400, 'no container named');
    }
    await expectRefusal(
      connect('net', 'hosted'),
      400,
      'container sharing network namespace with another container or host cannot be connected',
    );
    await expectRefusal(
      connect('net', 'lonely'),
      400,
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
    await expectRefusal(connect('host', 'plain'), 400, 'cannot connect container to host network');
    await expectRefusal(disconnect('host', 'hosted'), 400, 'cannot disconnect container from host network');
    await expectRefusal(disconnect('net', 'plain'), 500, 'is not connected to network net');
    await expectRefusal(
      connect('net', 'plain', { IPAMConfig: { IPv4Address: '10.65.0.9' } }),
      400,
      'invalid endpoint settings:\nno configured subnet contains IP address 10.65.0.9',
    );
    for (const MacAddress of ['01:00:5e:00:00:01', '00:00:00:00:00:00']) {
      await expectRefusal(connect('net', 'plain', { MacAddress }), 400, `invalid MAC address: ${MacAddress} is not`);
    }
    (await connect('net', 'plain')).ok;
    await expectRefusal(connect('net', 'plain'), 403, 'endpoint with name plain already exists in network net');
    await expectRefusal(
      api.post('/containers/create', {
        Image: 'busybox',
        NetworkingConfig: { EndpointsConfig: { bridge: { Aliases: ['x'] } } },
      }),
      400,
      'network-scoped aliases are only supported for user-defined networks',
    );
    for (const name of ['plain', 'hosted', 'lonely']) (await api.delete(`/containers/${name}?force=1`)).ok;
    (await api.delete('/networks/net')).ok;
  });

  test('of a container that does not run hold for its next start', async () => {
    (await create({ Name: 'later' })).ok;
    const id = await container('sleeper');
    (await api.post('/networks/later/connect', { Container: 'sleeper', EndpointConfig: { Aliases: ['nap'] } })).ok;
    (await api.post(`/containers/${id}/start`)).ok;
    expect(await lan.address('sleeper', 'later')).not.toBe('');
    expect(await lan.address('sleeper', 'bridge')).not.toBe('');
    expect(Object.keys(((await inspect('later')) as { Containers?: object }).Containers ?? {})).toEqual([id]);
    (await api.post('/networks/later/disconnect', { Container: 'sleeper' })).ok;
    (await api.post(`/containers/${id}/restart?t=0`)).ok;
    expect(await lan.address('sleeper', 'later')).toBe('');
    (await api.delete(`/containers/${id}?force=1`)).ok;
    (await api.delete('/networks/later')).ok;
  });
});

test('a network that a container was created on by its id is the same by its name, before the first start too', async () => {
  const id = await lan.docker('network', 'create', 'twice');
  await lan.docker('create', '--name', 'once', '--network', id, 'busybox', 'sleep', '600');
  (await lan.engine.api.post('/networks/twice/connect', { Container: 'once', EndpointConfig: { Aliases: ['me'] } })).ok;
  await lan.docker('start', 'once');
  expect(await lan.exec('once', 'nslookup', 'me')).toContain(await lan.address('once', 'twice'));
  await lan.docker('create', '--name', 'never', '--network', id, 'busybox', 'true');
  await lan.docker('network', 'disconnect', 'twice', 'never');
  expect(await lan.docker('inspect', '-f', '{{len .NetworkSettings.Networks}}', 'never')).toBe('0');
  await lan.remove('once', 'never');
  await lan.docker('network', 'rm', 'twice');
});

describe('containers', () => {
  test('tell by null what was not asked for, as Docker does', async () => {
    (await create({ Name: 'asked' })).ok;
    const asked = { Aliases: ['nick'], DriverOpts: { a: 'b' }, IPAMConfig: { LinkLocalIPs: ['169.254.9.9'] } };
    const networking = { NetworkingConfig: { EndpointsConfig: { bridge: {}, asked } } };
    const id = await container('teller', {}, networking);
    const nothing = { IPAMConfig: null, Links: null, Aliases: null, DriverOpts: null, DNSNames: null };
    const networks = async () => (await lan.engine.inspect(id)).NetworkSettings?.Networks ?? {};
    expect(await networks()).toMatchObject({ bridge: nothing, asked: { ...asked, Links: null, DNSNames: null } });
    (await api.post(`/containers/${id}/start`)).ok;
    expect(await networks()).toMatchObject({
      bridge: nothing,
      asked: { ...asked, Links: null, DNSNames: ['teller', 'nick', id.slice(0, 12)] },
    });
    (await api.delete(`/containers/${id}?force=1`)).ok;
    (await api.delete('/networks/asked')).ok;
    const options = ['bridge', 'host', 'none'].map(async name => (await inspect(name)).IPAM?.Options);
    expect(await Promise.all(options)).toEqual([null, null, null]);
  });

  test('join the namespace of another', async () => {
    const owner = await container('owner');
    await expectRefusal(
      api.post(`/containers/${await container('early', { NetworkMode: `container:${owner}` })}/start`),
      409,
      'cannot join network namespace of a non running container',
    );
    (await api.post(`/containers/${owner}/start`)).ok;
    const guest = await container('guest', { NetworkMode: `container:${owner}` });
    (await api.post(`/containers/${guest}/start`)).ok;
    expect(await lan.exec('guest', 'cat', '/etc/hosts')).toContain(await lan.address('owner', 'bridge'));
    expect(await lan.exec('guest', 'ip', 'address')).toBe(await lan.exec('owner', 'ip', 'address'));
    await expectRefusal(
      api.post('/containers/create', {
        Image: 'busybox',
        HostConfig: { NetworkMode: `container:${owner}`, PortBindings: { '80/tcp': [{}] } },
      }),
      400,
      'conflicting options: port publishing and the container type network mode',
    );
    for (const name of ['guest', 'early', 'owner']) (await api.delete(`/containers/${name}?force=1`)).ok;
  });

  test('on a network that is not there do not start, and do once it is', async () => {
    const id = await container('waiting', { NetworkMode: 'tomorrow' });
    await expectRefusal(
      api.post(`/containers/${id}/start`),
      404,
      'failed to set up container networking: network tomorrow not found',
    );
    (await create({ Name: 'tomorrow' })).ok;
    (await api.post(`/containers/${id}/start`)).ok;
    expect(await lan.address('waiting', 'tomorrow')).not.toBe('');
    (await api.delete(`/containers/${id}?force=1`)).ok;
    (await api.delete('/networks/tomorrow')).ok;
  });
});

test('events tell of each step', async () => {
  // What the tests before did must be over.
  await Bun.sleep(5);
  const since = Date.now() / 1000;
  (await create({ Name: 'told' })).ok;
  const id = await container('teller', { NetworkMode: 'told' });
  (await api.post(`/containers/${id}/start`)).ok;
  (await api.delete(`/containers/${id}?force=1`)).ok;
  (await api.delete('/networks/told')).ok;
  const hosted = await container('hosted', { NetworkMode: 'host' });
  (await api.post(`/containers/${hosted}/start`)).ok;
  (await api.delete(`/containers/${hosted}?force=1`)).ok;
  const filters = encodeURIComponent(JSON.stringify({ type: ['network'] }));
  const { text } = await api.get(`/events?since=${since}&until=${Date.now() / 1000 + 0.1}&filters=${filters}`);
  const events = text
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as EventMessage);
  const steps = events.map(({ Action, Actor }) => `${Action} ${Actor?.Attributes?.['name']}`);
  expect(steps).toEqual([
    ...['create told', 'connect told', 'disconnect told', 'destroy told'],
    ...['connect host', 'disconnect host'],
  ]);
  expect(events[1]!.Actor!.Attributes).toEqual({ name: 'told', type: 'bridge', container: id });
});
