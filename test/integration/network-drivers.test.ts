// Modes of the bridge driver, and the drivers that put containers on the host's own wire.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetchFrom, HOST, NEIGHBOUR, NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';

let lan: NetworkHost;

beforeAll(async () => {
  lan = await NetworkHost.start();
});

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
});

const remove = (...containers: string[]) => lan.docker('rm', '-f', ...containers);
const inContainer = (name: string) => ({ run: (...command: string[]) => lan.engine.docker('exec', name, ...command) });
const mode = (value: string) => ['-o', `com.docker.network.bridge.gateway_mode_ipv4=${value}`];

describe('a bridge', () => {
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
    await remove('open', 'shut');
    await lan.docker('network', 'rm', 'routed');
  });

  test('in nat-unprotected mode is reached by its own addresses at all ports', async () => {
    await lan.docker('network', 'create', '--subnet', '10.32.0.0/24', ...mode('nat-unprotected'), 'free');
    lan.neighbour.addRoute('10.32.0.0/24', HOST);
    await lan.web('free1', '--network', 'free');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('free1', 'free')}/`)).toBe('free1');
    await remove('free1');
    await lan.docker('network', 'rm', 'free');
  });

  test('in isolated mode has no address on the host', async () => {
    const refusal = await lan.refused('network', 'create', ...mode('isolated'), 'alone');
    expect(refusal.stderr).toContain("gateway mode 'isolated' can only be used for an internal network");
    await lan.docker('network', 'create', '--internal', '--subnet', '10.33.0.0/24', ...mode('isolated'), 'alone');
    await lan.web('alone1', '--network', 'alone');
    await lan.web('alone2', '--network', 'alone');
    expect(await fetchFrom(inContainer('alone1'), 'http://alone2/')).toBe('alone2');
    expect(await fetchFrom(lan.host, `http://${await lan.address('alone1', 'alone')}/`)).toBe('');
    await remove('alone1', 'alone2');
    await lan.docker('network', 'rm', 'alone');
  });

  test('has its options: name, MTU, prefix of interfaces, no masquerading', async () => {
    const option = (name: string, value: string) => ['-o', `com.docker.network.${name}=${value}`];
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
    await remove('tuned1');
    await lan.docker('network', 'rm', 'tuned');
    expect(lan.interfaces()).not.toContain('mybridge');
  });

  test('gives each endpoint the name, settings and hardware address it was asked for', async () => {
    await lan.docker('network', 'create', 'asked');
    const endpoint = [
      'name=asked',
      'driver-opt=com.docker.network.endpoint.ifname=inner0',
      'driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1',
      'mac-address=02:aa:bb:cc:dd:ee',
      'link-local-ip=169.254.77.7',
    ].join(',');
    const shown = await lan.docker(
      ...['run', '--rm', '--network', endpoint, 'busybox', 'sh', '-c'],
      'ip addr show inner0; cat /proc/sys/net/ipv4/conf/inner0/log_martians',
    );
    expect(shown).toContain('02:aa:bb:cc:dd:ee');
    expect(shown).toContain('169.254.77.7/16');
    expect(shown.trim().split('\n').at(-1)).toBe('1');
    await lan.docker('network', 'rm', 'asked');
  });
});

describe('macvlan', () => {
  test('puts containers on the host’s wire with addresses of their own', async () => {
    const subnet = ['--subnet', '192.0.2.0/24', '--ip-range', '192.0.2.128/25', '--gateway', HOST];
    await lan.docker('network', 'create', '-d', 'macvlan', ...subnet, '-o', 'parent=wire', 'wired');
    await lan.web('m1', '--network', 'wired');
    await lan.web('m2', '--network', 'wired');
    const address = await lan.address('m1', 'wired');
    expect(address).toBe('192.0.2.128');
    expect(await fetchFrom(lan.neighbour, `http://${address}/`)).toBe('m1');
    expect(await fetchFrom(inContainer('m2'), 'http://m1/')).toBe('m1');
    expect(await lan.exec('m1', 'ip', 'route')).toContain(`default via ${HOST}`);
    await lan.docker('network', 'disconnect', 'wired', 'm2');
    await until(async () => !/eth0|gone/.test(await lan.exec('m2', 'ip', 'addr')));
    await remove('m1', 'm2');
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
    await remove('brisk');
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
    expect(await fetchFrom(inContainer('p2'), 'http://p1/')).toBe('');
    await remove('p1', 'p2');
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
