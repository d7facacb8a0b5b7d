// Networks and addresses of plugins, over Docker's plugin protocol, with real interfaces and traffic.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { fetchFrom, NetworkHost } from '../support/network-host.ts';
import { addressPlugin, networkPlugin } from '../support/network-plugin.ts';
import type { TestPlugin } from '../support/plugin.ts';
import { until } from '../support/until.ts';

let lan: NetworkHost;
let plugin: TestPlugin;
let addresses: ReturnType<typeof addressPlugin>;

beforeAll(async () => {
  lan = await NetworkHost.start();
  plugin = networkPlugin(lan.engine, lan.host, 'wires');
  addresses = addressPlugin(lan.engine, 'counter');
});

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
  await plugin?.[Symbol.asyncDispose]();
  await addresses?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  for (const { calls, refusals } of [plugin, addresses]) {
    calls.length = 0;
    refusals.clear();
  }
});

const create = (name: string, ...flags: string[]) => lan.docker('network', 'create', '-d', 'wires', ...flags, name);
const pluginLinks = () => lan.interfaces().filter(name => /^p[boi]-/.test(name));

describe('a network plugin', () => {
  test('makes the interfaces of its network; the engine gives addresses, names and routes', async () => {
    const id = await create('wired', '--subnet', '10.70.0.0/24', '-o', 'colour=blue');
    const [created] = plugin.requests('CreateNetwork');
    expect(created).toEqual({
      NetworkID: id.trim(),
      Options: {
        'com.docker.network.enable_ipv4': true,
        'com.docker.network.enable_ipv6': false,
        'com.docker.network.generic': { colour: 'blue' },
      },
      IPv4Data: [{ AddressSpace: 'LocalDefault', Pool: '10.70.0.0/24', Gateway: '10.70.0.1/24' }],
      IPv6Data: [],
    });
    await lan.web('w1', '--network', 'wired', '-p', '8080:80');
    await lan.web('w2', '--network', 'wired', '--mac-address', '02:00:00:00:00:77');
    expect(await lan.exec('w1', 'ip', 'route')).toContain('default via 10.70.0.1 dev plug0');
    expect(await fetchFrom(lan.inside('w2'), 'http://w1/')).toBe('w1');
    expect(await fetchFrom(lan.host, 'http://10.70.0.3/')).toBe('w2');
    expect(await lan.exec('w2', 'cat', '/sys/class/net/plug0/address')).toBe('02:00:00:00:00:77');
    const [endpoint] = plugin.requests('CreateEndpoint');
    expect(endpoint).toMatchObject({
      Interface: { Address: '10.70.0.2/24', AddressIPv6: '', MacAddress: '' },
      Options: { 'com.docker.network.portmap': [{ Proto: 6, Port: 80, HostPort: 8080, HostPortEnd: 8080 }] },
    });
    const { NetworkSettings } = await lan.engine.inspect('w1');
    expect(NetworkSettings?.Networks?.['wired']).toMatchObject({
      IPAddress: '10.70.0.2',
      Gateway: '10.70.0.1',
      EndpointID: endpoint!['EndpointID'],
    });
    expect(NetworkSettings?.Networks?.['wired']?.MacAddress).toBe(
      await lan.exec('w1', 'cat', '/sys/class/net/plug0/address'),
    );
    expect(plugin.requests('ProgramExternalConnectivity')[0]).toMatchObject({ EndpointID: endpoint!['EndpointID'] });
    expect((await lan.refused('network', 'rm', 'wired')).stderr).toContain('has active endpoints');
    plugin.calls.length = 0;
    await lan.docker('rm', '-f', 'w1');
    expect(plugin.methods).toEqual(['RevokeExternalConnectivity', 'Leave', 'DeleteEndpoint']);
    await lan.docker('rm', '-f', 'w2');
    await lan.docker('network', 'rm', 'wired');
    expect(plugin.methods.at(-1)).toBe('DeleteNetwork');
    expect(pluginLinks()).toEqual([]);
  });

  test('is connected to and disconnected from a running container, beside other networks', async () => {
    await create('second', '--subnet', '10.71.0.0/24');
    await lan.docker('network', 'create', 'plain');
    await lan.web('both', '--network', 'plain');
    await lan.web('one', '--network', 'second');
    await lan.docker('network', 'connect', '--ip', '10.71.0.50', '--gw-priority', '5', 'second', 'both');
    expect(await fetchFrom(lan.inside('one'), 'http://both/')).toBe('both');
    expect(await lan.exec('both', 'ip', 'route')).toContain('default via 10.71.0.1 dev plug0');
    const again = await lan.refused('network', 'connect', 'second', 'both');
    expect(again.stderr).toContain('already exists in network second');
    plugin.calls.length = 0;
    await lan.docker('network', 'disconnect', 'second', 'both');
    expect(plugin.methods).toEqual(['RevokeExternalConnectivity', 'Leave', 'DeleteEndpoint']);
    expect(await lan.exec('both', 'ip', 'addr')).not.toContain('plug0');
    expect(await lan.exec('both', 'ip', 'route')).toContain('dev eth0');
    await lan.docker('rm', '-f', 'both', 'one');
    await lan.docker('network', 'rm', 'second', 'plain');
    expect(pluginLinks()).toEqual([]);
  });

  test('is in the lists of networks and drivers', async () => {
    await create('listed');
    expect(await lan.docker('network', 'ls', '--filter', 'driver=wires', '--format', '{{.Name}} {{.Scope}}')).toBe(
      'listed local',
    );
    const { Plugins } = (await lan.engine.api.get('/info')).ok.json<{ Plugins: { Network: string[] } }>();
    expect(Plugins.Network).toContain('wires');
    await lan.docker('network', 'prune', '-f');
    expect(plugin.methods).toContain('DeleteNetwork');
  });

  test('that refuses, is told what it gave is not needed, and the user is told why', async () => {
    plugin.refusals.set('CreateNetwork', 'out of wires');
    expect((await lan.refused('network', 'create', '-d', 'wires', 'never')).stderr).toContain('out of wires');
    plugin.refusals.clear();
    expect(await lan.docker('network', 'ls', '-q', '--filter', 'name=never')).toBe('');
    await create('shy');
    plugin.refusals.set('Join', 'no plug fits');
    const refused = await lan.refused('run', '--rm', '--network', 'shy', 'busybox', 'true');
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain('no plug fits');
    plugin.refusals.clear();
    expect(plugin.methods.slice(-3)).toEqual(['Join', 'Leave', 'DeleteEndpoint']);
    await lan.docker('run', '--rm', '--network', 'shy', 'busybox', 'true');
    await lan.docker('network', 'rm', 'shy');
    expect(pluginLinks()).toEqual([]);
  });

  test('that does not exist is named, and one that is something else too', async () => {
    const missing = await lan.refused('network', 'create', '-d', 'nowhere', 'x');
    expect(missing.stderr).toContain('plugin "nowhere" not found');
    const wrong = await lan.refused('network', 'create', '-d', 'counter', 'x');
    expect(wrong.stderr).toContain('plugin "counter" is no NetworkDriver: it implements IpamDriver');
    expect((await lan.refused('network', 'create', '-d', '../../etc/passwd', 'x')).stderr).toContain('not found');
  });

  test('that hangs holds up nobody else', async () => {
    await create('slow');
    plugin.refusals.set('CreateEndpoint', undefined);
    const waiting = lan.refused('run', '--rm', '--network', 'slow', 'busybox', 'true');
    await until(() => plugin.requests('CreateEndpoint').length > 0);
    expect(await lan.docker('run', '--rm', 'busybox', 'echo', 'meanwhile')).toBe('meanwhile');
    // Nobody takes the network away from under the one that waits.
    expect((await lan.refused('network', 'rm', 'slow')).stderr).toContain('has active endpoints');
    plugin.refusals.clear();
    await plugin.stop();
    plugin.start();
    expect((await waiting).stderr).toContain('plugin wires closed the connection before it answered');
    await lan.docker('network', 'rm', 'slow');
  });
});

describe('a network plugin of another kind', () => {
  test('carries IPv6, gives routes, and has reserved addresses and an internal network', async () => {
    await using routes = networkPlugin(lan.engine, lan.host, 'routes', {
      Join: request => ({
        InterfaceName: { SrcName: `pi-${String(request['EndpointID']).slice(0, 8)}`, DstPrefix: 'eth' },
        StaticRoutes: [
          { Destination: '10.99.0.0/16', RouteType: 0, NextHop: '10.74.0.1' },
          { Destination: '10.98.0.0/16', RouteType: 1 },
          { Destination: '2001:db8:99::/48', RouteType: 0, NextHop: '2001:db8:74::1' },
        ],
        Gateway: '10.74.0.1',
        GatewayIPv6: '2001:db8:74::1',
        DisableGatewayService: true,
      }),
    });
    const subnets = ['--subnet', '10.74.0.0/24', '--ipv6', '--subnet', '2001:db8:74::/64'];
    const reserved = ['--aux-address', 'printer=10.74.0.2', '--internal'];
    await lan.docker('network', 'create', '-d', 'routes', ...subnets, ...reserved, 'routed');
    expect(routes.requests('CreateNetwork')[0]).toMatchObject({
      Options: { 'com.docker.network.enable_ipv6': true, 'com.docker.network.internal': true },
      IPv4Data: [{ Gateway: '10.74.0.1/24', AuxAddresses: { printer: '10.74.0.2/24' } }],
      IPv6Data: [{ AddressSpace: 'LocalDefault', Pool: '2001:db8:74::/64', Gateway: '2001:db8:74::1/64' }],
    });
    await lan.web('r1', '--network', 'routed');
    expect(routes.requests('CreateEndpoint')[0]).toMatchObject({
      Interface: { Address: '10.74.0.3/24', AddressIPv6: '2001:db8:74::2/64' },
    });
    expect(await fetchFrom(lan.host, 'http://[2001:db8:74::2]/')).toBe('r1');
    const shown = await lan.exec('r1', 'sh', '-c', 'ip route; ip -6 route');
    expect(shown).toContain('10.99.0.0/16 via 10.74.0.1 dev eth0');
    expect(shown).toContain('10.98.0.0/16 dev eth0');
    expect(shown).toContain('2001:db8:99::/48 via 2001:db8:74::1 dev eth0');
    expect(shown).toContain('default via 10.74.0.1 dev eth0');
    expect(shown).toContain('default via 2001:db8:74::1 dev eth0');
    await lan.docker('restart', '-t', '0', 'r1');
    await until(async () => (await fetchFrom(lan.host, 'http://10.74.0.3/')) === 'r1');
    await lan.docker('rm', '-f', 'r1');
    await lan.docker('network', 'rm', 'routed');
    expect(pluginLinks()).toEqual([]);
  });

  test('says what its networks’ scope is, and whether they need gateways', async () => {
    await using wide = networkPlugin(lan.engine, lan.host, 'wide', {
      GetCapabilities: () => ({ Scope: 'global', GwAllocChecker: true }),
      GwAllocCheck: () => ({ SkipIPv4: true }),
    });
    const refused = async (...flags: string[]) =>
      (await lan.refused('network', 'create', '-d', 'wide', ...flags, 'x')).stderr;
    expect(await refused('--scope', 'local')).toContain('cannot downgrade network scope for wide networks');
    expect(await refused('--scope', 'swarm')).toContain('swarm is not active');
    expect(await refused('--ingress')).toContain('needs a swarm');
    await lan.docker('network', 'create', '-d', 'wide', '--subnet', '10.75.0.0/24', 'wide1');
    expect(wide.requests('CreateNetwork')[0]).toMatchObject({ IPv4Data: [{ Pool: '10.75.0.0/24' }] });
    expect(await lan.docker('network', 'ls', '--filter', 'scope=global', '--format', '{{.Name}}')).toBe('wide1');
    // Without a gateway its address is nobody's.
    await lan.web('wide2', '--network', 'wide1');
    expect(await lan.address('wide2', 'wide1')).toBe('10.75.0.1');
    expect(await lan.exec('wide2', 'ip', 'route')).not.toMatch(/default.*plug0/);
    await lan.docker('rm', '-f', 'wide2');
    await lan.docker('network', 'rm', 'wide1', 'docker_gwbridge');
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['no scope', { GetCapabilities: { Scope: 'town' } }, 'Scope is "town", not "local" or "global"'],
    ['an address of its own', { CreateEndpoint: { Interface: { Address: '1.2.3.4/8' } } }, 'changed the Address'],
    ['an interface that is not there', { Join: { InterfaceName: { SrcName: 'missing' } } }, 'missing'],
    ['a gateway that is no address', { Join: { Gateway: 'here' } }, '"here" is no IPv4 address (Gateway)'],
    ['a name that is no text', { Join: { InterfaceName: { SrcName: 7 } } }, 'SrcName that is no text'],
    ['a route to nowhere', { Join: { StaticRoutes: [{ Destination: '' }] } }, 'a static route leads to ""'],
  ])('with %s is told apart from one that works', async (_, answers, why) => {
    const fixed = Object.fromEntries(Object.entries(answers).map(([method, answer]) => [method, () => answer]));
    await using odd = networkPlugin(lan.engine, lan.host, 'odd', fixed);
    const made = await lan.refused('network', 'create', '-d', 'odd', 'odds');
    const ran = await lan.refused('run', '--rm', '--network', 'odds', 'busybox', 'true');
    expect(made.stderr + ran.stderr).toContain(why);
    await lan.refused('network', 'rm', 'odds');
    expect(odd.methods.filter(method => method === 'DeleteEndpoint')).toHaveLength(made.code === 0 ? 1 : 0);
    expect(pluginLinks()).toEqual([]);
  });
});

describe('containers on a plugin’s network', () => {
  test('go on when the plugin dies; one that ends meanwhile is told to the plugin when it comes back', async () => {
    await create('fragile', '--subnet', '10.72.0.0/24');
    await lan.web('stays', '--network', 'fragile');
    await lan.web('goes', '--network', 'fragile');
    await plugin.stop();
    expect(await fetchFrom(lan.inside('goes'), 'http://stays/')).toBe('stays');
    await lan.docker('rm', '-f', 'goes');
    plugin.calls.length = 0;
    plugin.start();
    await until(() => plugin.methods.includes('DeleteEndpoint'));
    expect(await fetchFrom(lan.host, `http://${await lan.address('stays', 'fragile')}/`)).toBe('stays');
    await lan.docker('rm', '-f', 'stays');
    await lan.docker('network', 'rm', 'fragile');
    expect(pluginLinks()).toEqual([]);
  });

  test('a start waits for a plugin that is just being started', async () => {
    await create('early');
    await plugin.stop();
    const run = lan.docker('run', '--rm', '--network', 'early', 'busybox', 'echo', 'made it');
    await until(async () => (await lan.docker('ps', '-aq', '--filter', 'network=early')) !== '');
    plugin.start();
    expect(await run).toBe('made it');
    await lan.docker('network', 'rm', 'early');
  });

  test('survive the engine, which gives back what ended without it', async () => {
    await create('lasting', '--subnet', '10.73.0.0/24');
    await lan.web('last1', '--network', 'lasting');
    await lan.web('last2', '--network', 'lasting');
    const pid = (await lan.engine.inspect('last2')).State!.Pid!;
    await lan.engine.kill();
    expect(await fetchFrom(lan.host, 'http://10.73.0.2/')).toBe('last1');
    process.kill(pid, 'SIGKILL');
    plugin.calls.length = 0;
    await lan.engine.start();
    await until(() => plugin.methods.includes('DeleteEndpoint'));
    expect(plugin.requests('DeleteEndpoint')).toHaveLength(1);
    await lan.web('last3', '--network', 'lasting');
    expect(await fetchFrom(lan.inside('last3'), 'http://last1/')).toBe('last1');
    await lan.docker('rm', '-f', 'last1', 'last2', 'last3');
    await lan.docker('network', 'rm', 'lasting');
    expect(pluginLinks()).toEqual([]);
  });

  test('an engine that died while it asked leaves nothing with the plugin', async () => {
    await create('cut');
    plugin.refusals.set('Join', undefined);
    const cut = lan.refused('run', '--rm', '--network', 'cut', 'busybox', 'true');
    await until(() => plugin.requests('Join').length > 0);
    await lan.engine.kill();
    await cut;
    plugin.refusals.clear();
    plugin.calls.length = 0;
    await lan.engine.start();
    await until(() => plugin.methods.includes('DeleteEndpoint'));
    expect(pluginLinks().filter(name => !name.startsWith('pb-'))).toEqual([]);
    plugin.refusals.set('CreateNetwork', undefined);
    const half = lan.refused('network', 'create', '-d', 'wires', 'half');
    await until(() => plugin.requests('CreateNetwork').length > 0);
    await lan.engine.kill();
    await half;
    plugin.refusals.clear();
    plugin.calls.length = 0;
    await lan.engine.start();
    await until(() => plugin.methods.includes('DeleteNetwork'));
    await until(async () => (await lan.refused('network', 'create', '-d', 'wires', 'half')).code === 0);
    await lan.docker('network', 'rm', 'half', 'cut');
    expect(pluginLinks()).toEqual([]);
  });
});

describe('an address plugin', () => {
  test('gives the subnets and addresses of a bridge network, and gets them back', async () => {
    await lan.docker('network', 'create', '--ipam-driver', 'counter', '--ipam-opt', 'rack=7', 'counted');
    expect(addresses.requests('RequestPool')).toEqual([
      { AddressSpace: 'here', Pool: '', SubPool: '', Options: { rack: '7' }, V6: false },
    ]);
    expect(addresses.requests('RequestAddress')[0]).toMatchObject({
      Options: { RequestAddressType: 'com.docker.network.gateway' },
    });
    const network = (await lan.engine.api.get('/networks/counted')).ok.json<{ IPAM: object }>();
    expect(network.IPAM).toEqual({
      Driver: 'counter',
      Options: { rack: '7' },
      Config: [{ Subnet: '10.77.0.0/24', Gateway: '10.77.0.1' }],
    });
    await lan.web('c1', '--network', 'counted');
    await lan.web('c2', '--network', 'counted', '--ip', '10.77.0.99');
    expect(await lan.address('c1', 'counted')).toBe('10.77.0.2');
    expect(await fetchFrom(lan.inside('c1'), 'http://10.77.0.99/')).toBe('c2');
    const mac = await lan.exec('c1', 'cat', '/sys/class/net/eth0/address');
    expect(addresses.requests('RequestAddress')[1]).toEqual({
      PoolID: '10.77.0.0/24',
      Address: '',
      Options: { 'com.docker.network.endpoint.name': 'c1', 'com.docker.network.endpoint.macaddress': mac },
    });
    await lan.docker('rm', '-f', 'c1', 'c2');
    await lan.docker('network', 'rm', 'counted');
    expect([...addresses.taken]).toEqual([]);
  });

  test('that remembers nothing is told again what it gave, when the engine starts', async () => {
    await using forgetful = addressPlugin(lan.engine, 'forgetful', {
      GetCapabilities: () => ({ RequiresRequestReplay: true }),
    });
    const network = ['--ipam-driver', 'forgetful', '--subnet', '10.78.0.0/24'];
    await lan.docker('network', 'create', ...network, 'again');
    await lan.web('a1', '--network', 'again');
    const before = [...forgetful.taken].sort();
    expect(before).toEqual(['10.78.0.0/24', '10.78.0.1', '10.78.0.2']);
    await lan.engine.kill();
    forgetful.taken.clear();
    await lan.engine.start();
    await until(() => forgetful.taken.size === 3);
    expect([...forgetful.taken].sort()).toEqual(before);
    await lan.web('a2', '--network', 'again');
    expect(await lan.address('a2', 'again')).toBe('10.78.0.3');
    await lan.docker('rm', '-f', 'a1', 'a2');
    await lan.docker('network', 'rm', 'again');
    expect([...forgetful.taken]).toEqual([]);
  });

  test('works with a network plugin, and its refusal frees all that was taken', async () => {
    await create('together', '--ipam-driver', 'counter');
    await lan.web('t1', '--network', 'together');
    expect(plugin.requests('CreateEndpoint')[0]).toMatchObject({ Interface: { Address: '10.77.1.2/24' } });
    expect(await fetchFrom(lan.host, 'http://10.77.1.2/')).toBe('t1');
    addresses.refusals.set('RequestAddress', 'all gone');
    const refused = await lan.refused('run', '--rm', '--network', 'together', 'busybox', 'true');
    expect(refused.stderr).toContain('all gone');
    expect((await lan.refused('network', 'create', '--ipam-driver', 'counter', 'none2')).stderr).toContain('all gone');
    addresses.refusals.clear();
    await lan.docker('rm', '-f', 't1');
    await lan.docker('network', 'rm', 'together');
    expect([...addresses.taken]).toEqual([]);
    expect((await lan.refused('network', 'create', '--ipam-driver', 'nowhere', 'x')).stderr).toContain(
      'plugin "nowhere" not found',
    );
  });
});
