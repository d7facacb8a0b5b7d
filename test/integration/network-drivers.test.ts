// Modes of the bridge driver, networks without a driver, and macvlan as most people have it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { message } from '../../src/kernel/rtnetlink/message.ts';
import { Machine } from '../support/machines.ts';
import { fetchFrom, HOST, HOST6, isOfKernel, NEIGHBOUR, NEIGHBOUR6, NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';

let lan: NetworkHost;

beforeAll(async () => {
  lan = await NetworkHost.start();
});

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
});

const option = (name: string, value: string) => ['-o', `com.docker.network.${name}=${value}`];
const mode = (value: string) => option('bridge.gateway_mode_ipv4', value);
const mode6 = (value: string) => option('bridge.gateway_mode_ipv6', value);

describe('a bridge', () => {
  test('with IPv6 has the least MTU that IPv6 needs', async () => {
    const refusal = await lan.refused('network', 'create', '--ipv6', ...option('driver.mtu', '1279'), 'narrow');
    expect([refusal.code, refusal.stderr]).toEqual([1, expect.stringContaining('IPv6 needs at least 1280')]);
    await lan.docker('network', 'create', '--ipv6', ...option('driver.mtu', '1280'), 'narrow');
    await lan.docker('network', 'rm', 'narrow');
  });

  test('in routed mode is reached by its own addresses, at published ports only, without translation', async () => {
    await lan.docker('network', 'create', '--subnet', '10.31.0.0/24', ...mode('routed'), 'routed');
    lan.neighbour.addRoute('10.31.0.0/24', HOST);
    await lan.web('open', '--network', 'routed', '-p', '80');
    await lan.web('shut', '--network', 'routed');
    const open = await lan.address('open', 'routed');
    const shut = await lan.address('shut', 'routed');
    expect(await fetchFrom(lan.neighbour, `http://${open}/`)).toBe('open');
    expect(await fetchFrom(lan.neighbour, `http://${open}/cgi-bin/who`)).toContain(NEIGHBOUR);
    expect(await fetchFrom(lan.neighbour, `http://${shut}/`)).toBe('');
    expect((await lan.neighbour.run('busybox', 'ping', '-c1', '-W2', shut)).code).toBe(0);
    expect(await lan.exec('shut', 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
    await lan.remove('open', 'shut');
    await lan.docker('network', 'rm', 'routed');
  });

  test('in nat-unprotected mode is reached by its own addresses at all ports', async () => {
    await lan.docker('network', 'create', '--subnet', '10.32.0.0/24', ...mode('nat-unprotected'), 'free');
    lan.neighbour.addRoute('10.32.0.0/24', HOST);
    await lan.web('free1', '--network', 'free');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('free1', 'free')}/`)).toBe('free1');
    await lan.remove('free1');
    await lan.docker('network', 'rm', 'free');
  });

  test('in isolated mode has no address on the host', async () => {
    const refusal = await lan.refused('network', 'create', ...mode('isolated'), 'alone');
    expect(refusal.stderr).toContain("gateway mode 'isolated' can only be used for an internal network");
    await lan.docker('network', 'create', '--internal', '--subnet', '10.33.0.0/24', ...mode('isolated'), 'alone');
    await lan.web('alone1', '--network', 'alone');
    await lan.web('alone2', '--network', 'alone');
    expect(await fetchFrom(lan.inside('alone1'), 'http://alone2/')).toBe('alone2');
    expect(await fetchFrom(lan.host, `http://${await lan.address('alone1', 'alone')}/`)).toBe('');
    await lan.remove('alone1', 'alone2');
    await lan.docker('network', 'rm', 'alone');
  });

  test('has its options: name, MTU, prefix of interfaces, no masquerading', async () => {
    await lan.docker(
      'network',
      'create',
      '--subnet',
      '10.34.0.0/24',
      ...option('bridge.name', 'mybridge'),
      ...option('driver.mtu', '1400'),
      ...option('container_iface_prefix', 'net'),
      ...option('bridge.enable_ip_masquerade', 'false'),
      'tuned',
    );
    lan.neighbour.addRoute('10.34.0.0/24', HOST);
    await lan.web('tuned1', '--network', 'tuned');
    expect(lan.interfaces()).toContain('mybridge');
    expect(await lan.exec('tuned1', 'ip', 'link', 'show', 'net0')).toContain('mtu 1400');
    // Its own address is what the other side sees, and answers to.
    expect(await lan.exec('tuned1', 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
    await lan.remove('tuned1');
    await lan.docker('network', 'rm', 'tuned');
    expect(lan.interfaces()).not.toContain('mybridge');
  });

  test('has the modes for IPv6 of their own', async () => {
    const create = (name: string, ...flags: string[]) => lan.docker('network', 'create', '--ipv6', ...flags, name);
    await create('routed6', '--subnet', '2001:db8:31::/64', ...mode6('routed'));
    lan.neighbour.addRoute('2001:db8:31::/64', HOST6);
    await lan.web('open6', '--network', 'routed6', '-p', '8031:80');
    await lan.web('shut6', '--network', 'routed6');
    const open = await lan.address('open6', 'routed6', 6);
    expect(await fetchFrom(lan.neighbour, `http://[${open}]/`)).toBe('open6');
    expect(await fetchFrom(lan.neighbour, `http://[${open}]/cgi-bin/who`)).toContain(NEIGHBOUR6);
    expect(await fetchFrom(lan.neighbour, `http://[${await lan.address('shut6', 'routed6', 6)}]/`)).toBe('');
    // IPv4 is translated as ever.
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8031/`)).toBe('open6');
    await create('free6', '--subnet', '2001:db8:32::/64', ...mode6('nat-unprotected'));
    lan.neighbour.addRoute('2001:db8:32::/64', HOST6);
    await lan.web('free6', '--network', 'free6');
    expect(await fetchFrom(lan.neighbour, `http://[${await lan.address('free6', 'free6', 6)}]/`)).toBe('free6');
    await create('alone6', '--internal', '--subnet', '2001:db8:33::/64', ...mode6('isolated'));
    await lan.web('alone6', '--network', 'alone6');
    expect(await fetchFrom(lan.host, `http://[${await lan.address('alone6', 'alone6', 6)}]/`)).toBe('');
    await lan.remove('open6', 'shut6', 'free6', 'alone6');
    await lan.docker('network', 'rm', 'routed6', 'free6', 'alone6');
  });

  test('with inhibit_ipv4 leaves the gateway’s address to somebody else', async () => {
    const flags = [
      '--subnet',
      '10.36.0.0/24',
      ...option('bridge.inhibit_ipv4', 'true'),
      ...option('bridge.name', 'bare'),
    ];
    await lan.docker('network', 'create', ...flags, 'inhibited');
    await lan.web('i1', '--network', 'inhibited');
    await lan.web('i2', '--network', 'inhibited');
    expect(await fetchFrom(lan.inside('i2'), 'http://i1/')).toBe('i1');
    expect(await lan.exec('i1', 'ip', 'route')).toContain('default via 10.36.0.1');
    expect(await lan.host.output('ip', '-4', 'addr', 'show', 'bare')).not.toContain('10.36.0.1');
    await lan.remove('i1', 'i2');
    await lan.docker('network', 'rm', 'inhibited');
  });

  test('without icc lets containers reach the world, and not each other', async () => {
    await lan.docker('network', 'create', ...option('bridge.enable_icc', 'false'), 'strangers');
    await lan.web('x1', '--network', 'strangers', '-p', '8039:80');
    await lan.web('x2', '--network', 'strangers');
    expect(await fetchFrom(lan.inside('x2'), 'http://x1/')).toBe('');
    // What is published is for everybody.
    for (const name of ['x1', 'x2']) expect(await fetchFrom(lan.inside(name), `http://${HOST}:8039/`)).toBe('x1');
    expect(await lan.exec('x1', 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
    await lan.remove('x1', 'x2');
    await lan.docker('network', 'rm', 'strangers');
  });

  test('publishes on the address it is told, and sends with the address it is told', async () => {
    lan.host.addAddresses('wire', '192.0.2.77/24');
    const flags = [...option('bridge.host_binding_ipv4', '192.0.2.77'), ...option('host_ipv4', '192.0.2.77')];
    await lan.docker('network', 'create', ...flags, 'faced');
    await lan.web('faced1', '--network', 'faced', '-p', '8036:80');
    expect(await fetchFrom(lan.neighbour, 'http://192.0.2.77:8036/')).toBe('faced1');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8036/`)).toBe('');
    using _ = await lan.neighbour.echo(NEIGHBOUR, 4036);
    using inside = Machine.of((await lan.engine.inspect('faced1')).State!.Pid!);
    expect(await inside.ask(NEIGHBOUR, 4036, 'who')).toBe('who 192.0.2.77');
    await lan.remove('faced1');
    await lan.docker('network', 'rm', 'faced');
  });

  test('lets trusted interfaces of the host in without translation', async () => {
    const trusted = option('bridge.trusted_host_interfaces', 'wire:other');
    await lan.docker('network', 'create', '--subnet', '10.37.0.0/24', ...trusted, 'trusting');
    await lan.docker('network', 'create', '--subnet', '10.38.0.0/24', 'wary');
    lan.neighbour.addRoute('10.37.0.0/24', HOST);
    lan.neighbour.addRoute('10.38.0.0/24', HOST);
    await lan.web('trust1', '--network', 'trusting', '-p', '8037:80');
    await lan.web('wary1', '--network', 'wary', '-p', '8038:80');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('trust1', 'trusting')}/`)).toBe('trust1');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('wary1', 'wary')}/`)).toBe('');
    await lan.remove('trust1', 'wary1');
    await lan.docker('network', 'rm', 'trusting', 'wary');
  });

  test.each([
    ['bridge.gateway_mode_ipv4', 'open', 'unknown gateway mode open'],
    ['bridge.gateway_mode_ipv6', 'open', 'unknown gateway mode open'],
    ['bridge.enable_icc', 'perhaps', 'strconv.ParseBool: parsing "perhaps": invalid syntax'],
    ['bridge.enable_ip_masquerade', 'perhaps', 'strconv.ParseBool: parsing "perhaps": invalid syntax'],
    ['bridge.inhibit_ipv4', 'perhaps', 'strconv.ParseBool: parsing "perhaps": invalid syntax'],
    ['bridge.host_binding_ipv4', '1.2.3', 'nil ip'],
    ['host_ipv4', '1.2.3', 'nil ip'],
    ['driver.mtu', 'large', 'strconv.Atoi: parsing "large": invalid syntax'],
    ['driver.mtu', '-1', 'invalid MTU number: -1'],
    ['bridge.name', 'a-name-of-sixteen', 'at most 15 characters'],
    ['bridge.name', '..', 'invalid bridge name'],
    ['container_iface_prefix', 'fifteen-letters', 'invalid com.docker.network.container_iface_prefix'],
    ['container_iface_prefix', 'a/b', 'invalid com.docker.network.container_iface_prefix'],
  ])('refuses %s=%s', async (name, value, why) => {
    const refusal = await lan.refused('network', 'create', ...option(name, value), 'wrong');
    expect([refusal.code, refusal.stderr]).toEqual([1, expect.stringContaining(why)]);
    expect(await lan.docker('network', 'ls', '-q', '--filter', 'name=wrong')).toBe('');
  });
});

describe('without a driver', () => {
  test('host shares the host’s own network, none has nothing but itself', async () => {
    await lan.docker('run', '-d', '--name', 'guest', '--network', 'host', 'busybox', 'sleep', '600');
    expect(await lan.exec('guest', 'ip', 'addr', 'show', 'wire')).toContain(HOST);
    await lan.docker('run', '-d', '--name', 'hermit', '--network', 'none', 'busybox', 'sleep', '600');
    const interfaces = (await lan.exec('hermit', 'ls', '/sys/class/net')).split('\n');
    expect(interfaces.filter(name => !isOfKernel(name))).toEqual(['lo']);
    expect(await lan.exec('hermit', 'ping', '-c1', '-W1', '127.0.0.1')).toContain('1 packets received');
    await lan.web('main', '--network', 'bridge');
    await lan.docker('run', '-d', '--name', 'shares', '--network', 'container:main', 'busybox', 'sleep', '600');
    expect(await fetchFrom(lan.inside('shares'), 'http://127.0.0.1/')).toBe('main');
    await lan.remove('guest', 'hermit', 'shares', 'main');
  });
});

test.each(['bridge', 'extra'])(
  'the interface of the network %s is made again when somebody has deleted it',
  async network => {
    await lan.docker('network', 'create', 'extra');
    await lan.web('before', '--network', network);
    const { Options = {}, Id = '' } = JSON.parse(await lan.docker('network', 'inspect', '-f', '{{json .}}', network));
    const bridge = Options['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}`;
    lan.host.route.send(message.deleteLink(bridge));
    await lan.web('after', '--network', network, '-p', '8088:80');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8088/`)).toBe('after');
    expect(await lan.exec('after', 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
    await lan.remove('before', 'after');
    await lan.docker('network', 'rm', 'extra');
  },
);

describe('macvlan', () => {
  test('puts containers on the host’s wire with addresses of their own', async () => {
    const subnet = ['--subnet', '192.0.2.0/24', '--ip-range', '192.0.2.128/25', '--gateway', HOST];
    await lan.docker('network', 'create', '-d', 'macvlan', ...subnet, '-o', 'parent=wire', 'wired');
    await lan.web('m1', '--network', 'wired');
    await lan.web('m2', '--network', 'wired');
    const address = await lan.address('m1', 'wired');
    expect(address).toBe('192.0.2.128');
    expect(await fetchFrom(lan.neighbour, `http://${address}/`)).toBe('m1');
    expect(await fetchFrom(lan.inside('m2'), 'http://m1/')).toBe('m1');
    expect(await lan.exec('m1', 'ip', 'route')).toContain(`default via ${HOST}`);
    await lan.docker('network', 'disconnect', 'wired', 'm2');
    await until(async () => !/eth0|gone/.test(await lan.exec('m2', 'ip', 'addr')));
    await lan.remove('m1', 'm2');
    await lan.docker('network', 'rm', 'wired');
  });

  test('gives an address again at once, though the kernel is still ending the interface that had it', async () => {
    const subnet = ['--subnet', '192.0.2.0/24', '--ip-range', '192.0.2.32/28'];
    await lan.docker('network', 'create', '-d', 'macvlan', ...subnet, '-o', 'parent=wire', 'brisk');
    await lan.docker('run', '-d', '--name', 'brisk', '--network', 'brisk', 'busybox', 'sleep', '600');
    for (let i = 0; i < 5; i++) await lan.docker('restart', '-t', '0', 'brisk');
    const { Pid } = (await lan.engine.inspect('brisk')).State!;
    await lan.engine.kill();
    process.kill(Pid!, 'SIGKILL');
    await lan.engine.start();
    await lan.docker('start', 'brisk');
    expect(await lan.address('brisk', 'brisk')).toBe('192.0.2.32');
    await lan.remove('brisk');
    await lan.docker('network', 'rm', 'brisk');
  });

  test('private mode keeps containers from each other, and refuses what it can’t do', async () => {
    const create = (name: string, ...options: string[]) =>
      lan.refused(
        'network',
        'create',
        '-d',
        'macvlan',
        '--subnet',
        '192.0.2.0/24',
        '--ip-range',
        '192.0.2.64/26',
        ...options,
        name,
      );
    expect((await create('private', '-o', 'parent=wire', '-o', 'macvlan_mode=private')).code).toBe(0);
    await lan.web('p1', '--network', 'private');
    await lan.web('p2', '--network', 'private');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('p1', 'private')}/`)).toBe('p1');
    expect(await fetchFrom(lan.inside('p2'), 'http://p1/')).toBe('');
    await lan.remove('p1', 'p2');
    await lan.docker('network', 'rm', 'private');
    expect((await create('wrong', '-o', 'parent=wire', '-o', 'macvlan_mode=none')).stderr).toContain(
      "requested macvlan mode 'none' is not valid",
    );
    expect((await create('wrong', '-o', 'parent=lo')).stderr).toContain(
      'loopback interface is not a valid macvlan parent link',
    );
    expect((await create('wrong', '-o', 'parent=missing')).stderr).toContain('invalid subinterface vlan name missing');
    expect((await create('wrong', '-o', 'parent=missing.10')).stderr).toContain(
      '-o parent interface was not found on the host: missing',
    );
  });
});
