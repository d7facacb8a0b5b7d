// What can be asked of a container's place on a network: names of interfaces, settings, which network leads out.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';

let lan: NetworkHost;

beforeAll(async () => {
  lan = await NetworkHost.start();
});

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
});

const endpointOption = (name: string, value: string) => `com.docker.network.endpoint.${name}=${value}`;
const interfaces = async (container: string) =>
  (await lan.exec(container, 'sh', '-c', "ip -o link | grep -o '[a-z0-9]*@'")).split('@').map(name => name.trim());

describe('an endpoint', () => {
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

  test('refuses names and settings of endpoints that can’t be', async () => {
    await lan.docker('network', 'create', 'picky');
    const refused = async (setting: string, value: string) => {
      const network = `name=picky,driver-opt=com.docker.network.endpoint.${setting}=${value}`;
      const { code, stderr } = await lan.refused('run', '--rm', '--network', network, 'busybox', 'true');
      expect(code).toBe(125);
      return stderr;
    };
    expect(await refused('sysctls', 'net.ipv4.conf.eth0.log_martians=1')).toContain(
      'unrecognised network interface sysctl',
    );
    expect(await refused('sysctls', 'kernel.conf.IFNAME.log_martians=1')).toContain(
      'unrecognised network interface sysctl',
    );
    expect(await refused('sysctls', 'net.ipv4.conf.IFNAME.no_such=1')).toContain('no_such');
    expect(await refused('ifname', 'sixteen-letters-x')).toContain('sixteen-letters-x');
    expect(await refused('ifname', 'lo')).toContain('lo');
    expect(await refused('ifname', 'a/b')).toContain('a/b');
    expect(await lan.docker('run', '--rm', '--network', 'picky', 'busybox', 'echo', 'fine')).toBe('fine');
    await lan.docker('network', 'rm', 'picky');
  });

  test('that could not be made as it was asked for leaves nothing in a container that runs', async () => {
    await lan.docker('network', 'create', 'strict');
    await lan.docker('run', '-d', '--name', 'tenant', 'busybox', 'sleep', '600');
    const before = lan.interfaces().length;
    for (const asked of [
      ['--driver-opt', endpointOption('sysctls', 'net.ipv4.conf.IFNAME.log_martians=perhaps')],
      ['--driver-opt', endpointOption('sysctls', 'net.ipv4.conf.IFNAME.no_such=1')],
      // The same address twice.
      ['--link-local-ip', '169.254.9.9', '--link-local-ip', '169.254.9.9'],
    ]) {
      expect((await lan.refused('network', 'connect', ...asked, 'strict', 'tenant')).code).toBe(1);
      expect((await lan.engine.inspect('tenant')).NetworkSettings?.Networks).not.toHaveProperty('strict');
    }
    await lan.docker('network', 'connect', 'strict', 'tenant');
    await until(async () => (await interfaces('tenant')).join() === 'eth0,eth1,');
    expect(lan.interfaces().length).toBe(before + 1);
    await lan.remove('tenant');
    await lan.docker('network', 'rm', 'strict');
  });

  test('comes and goes beside what the container has written into its hosts', async () => {
    await lan.docker('network', 'create', 'beside');
    await lan.docker(
      'run',
      '-d',
      '--name',
      'tenant',
      'busybox',
      'sh',
      '-c',
      'echo 192.0.2.77 own >> /etc/hosts; sleep 600',
    );
    const hosts = () => lan.exec('tenant', 'cat', '/etc/hosts');
    await until(async () => (await hosts()).includes('own'));
    await lan.docker('network', 'connect', 'beside', 'tenant');
    const address = await lan.address('tenant', 'beside');
    expect(await hosts()).toMatch(new RegExp(`^192.0.2.77 own$[^]*^${address}\t`, 'm'));
    await lan.docker('network', 'disconnect', 'beside', 'tenant');
    expect(await hosts()).toContain('192.0.2.77 own');
    expect(await hosts()).not.toContain(address);
    await lan.remove('tenant');
    await lan.docker('network', 'rm', 'beside');
  });

  test('gets the name it was asked for though another one comes first', async () => {
    await lan.docker('network', 'create', 'early');
    await lan.docker('network', 'create', 'late');
    const late = `name=late,driver-opt=${endpointOption('ifname', 'eth0')}`;
    await lan.docker(
      ...['run', '-d', '--name', 'tenant', '--network', 'early', '--network', late, 'busybox', 'sleep', '600'],
    );
    const address = await lan.address('tenant', 'late');
    expect(await lan.exec('tenant', 'ip', 'addr', 'show', 'eth0')).toContain(`inet ${address}/`);
    const refusal = await lan.refused(
      ...['network', 'connect', '--driver-opt', endpointOption('ifname', 'eth1'), 'bridge', 'tenant'],
    );
    expect(refusal.stderr).toContain('interface name eth1 is used by another network of the container');
    await lan.remove('tenant');
    await lan.docker('network', 'rm', 'early', 'late');
  });

  test('is found at once by those who knew another one at its addresses', async () => {
    await lan.docker('network', 'create', '--ipv6', '--subnet', '10.61.0.0/24', '--subnet', 'fd61::/64', 'passed-on');
    await lan.docker('run', '-d', '--name', 'asker', '--network', 'passed-on', 'busybox', 'sleep', '600');
    for (const last of ['01', '02']) {
      const place = ['--network', 'passed-on', '--ip', '10.61.0.50', '--ip6', 'fd61::50'];
      const hardware = ['--mac-address', `02:00:00:00:00:${last}`];
      await lan.docker('run', '-d', '--name', 'holder', ...place, ...hardware, 'busybox', 'sleep', '600');
      for (const [program, address] of [
        ['ping', '10.61.0.50'],
        ['ping6', 'fd61::50'],
      ] as const) {
        expect(await lan.exec('asker', program, '-c1', '-W5', address)).toContain('1 packets received');
      }
      await lan.remove('holder');
    }
    await lan.remove('asker');
    await lan.docker('network', 'rm', 'passed-on');
  });
});

test('an interface that the container has made itself is in nobody’s way but its own', async () => {
  await lan.docker('network', 'create', 'second');
  await lan.docker('run', '-d', '--name', 'maker', '--cap-add', 'NET_ADMIN', 'busybox', 'sleep', '600');
  await lan.exec('maker', 'ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'other');
  const { stderr } = await lan.refused('network', 'connect', 'second', 'maker');
  expect(stderr).toContain('the container has an interface eth1 of its own: ask for another name');
  expect(await interfaces('maker')).toContain('eth1');
  await lan.docker('network', 'connect', '--driver-opt', endpointOption('ifname', 'eth2'), 'second', 'maker');
  expect(await lan.exec('maker', 'ip', 'addr', 'show', 'eth2')).toContain(await lan.address('maker', 'second'));
  await lan.remove('maker');
  await lan.docker('network', 'rm', 'second');
});

describe('the way out of a container', () => {
  const routes = async (container: string) => {
    const text = await lan.exec(container, 'sh', '-c', 'ip route; ip -6 route');
    return [...text.matchAll(/^default via (\S+)/gm)].map(([, gateway]) => gateway);
  };
  const gateways = async (network: string) => {
    const [{ IPAM }] = JSON.parse(await lan.docker('network', 'inspect', network));
    return IPAM.Config.map(({ Gateway }: { Gateway: string }) => Gateway) as string[];
  };

  test('is by priority, and else by the network that has both families', async () => {
    await lan.docker('network', 'create', 'a-four');
    await lan.docker('network', 'create', '--ipv6', 'b-both');
    await lan.docker('network', 'create', '--ipv6', 'c-both');
    const [four, both, other] = [await gateways('a-four'), await gateways('b-both'), await gateways('c-both')];
    await lan.docker(
      ...['run', '-d', '--name', 'walker', '--network', 'a-four', '--network', 'b-both', 'busybox', 'sleep', '600'],
    );
    expect(await routes('walker')).toEqual(both);
    await lan.docker('network', 'connect', '--gw-priority', '7', 'c-both', 'walker');
    expect(await routes('walker')).toEqual(other);
    expect((await lan.engine.inspect('walker')).NetworkSettings?.Networks?.['c-both']?.GwPriority).toBe(7);
    await lan.docker('network', 'disconnect', 'a-four', 'walker');
    await lan.docker('network', 'connect', '--gw-priority', '8', 'a-four', 'walker');
    // Each family has its own.
    expect(await routes('walker')).toEqual([...four, other[1]!]);
    await lan.docker('restart', '-t0', 'walker');
    expect(await routes('walker')).toEqual([...four, other[1]!]);
    await lan.docker('network', 'disconnect', 'a-four', 'walker');
    await lan.docker('network', 'connect', '--gw-priority', '-1', 'a-four', 'walker');
    expect(await routes('walker')).toEqual(other);
    await lan.docker('network', 'disconnect', 'c-both', 'walker');
    await lan.docker('network', 'disconnect', 'b-both', 'walker');
    expect(await routes('walker')).toEqual(four);
    await lan.remove('walker');
    await lan.docker('network', 'rm', 'a-four', 'b-both', 'c-both');
  });

  test('is where a name is asked for first', async () => {
    await lan.docker('network', 'create', 'a-net');
    await lan.docker('network', 'create', 'b-net');
    for (const network of ['a-net', 'b-net']) {
      await lan.docker(
        ...['run', '-d', '--name', `on-${network}`, '--network', `name=${network},alias=db`, 'busybox', 'sleep', '600'],
      );
    }
    await lan.docker(
      ...['run', '-d', '--name', 'asker', '--network', 'a-net', '--network', 'name=b-net,gw-priority=1'],
      ...['busybox', 'sleep', '600'],
    );
    const answer = await lan.exec('asker', 'ping', '-c1', '-W2', 'db');
    expect(answer).toContain(`(${await lan.address('on-b-net', 'b-net')})`);
    await lan.remove('on-a-net', 'on-b-net', 'asker');
    await lan.docker('network', 'rm', 'a-net', 'b-net');
  });
});

describe('a legacy link', () => {
  test('follows a container that gets another name', async () => {
    await lan.docker('run', '-d', '--name', 'target', 'busybox', 'sleep', '600');
    await lan.docker('run', '-d', '--name', 'linker', '--link', 'target:other', 'busybox', 'sleep', '600');
    await lan.docker('rename', 'target', 'renamed');
    expect((await lan.engine.inspect('linker')).HostConfig?.Links).toEqual(['/renamed:/linker/other']);
    await lan.docker('restart', '-t0', 'linker');
    expect(await lan.exec('linker', 'ping', '-c1', '-W2', 'other')).toContain('1 packets received');
    await lan.engine.kill();
    await lan.engine.start();
    await lan.docker('restart', '-t0', 'linker');
    expect(await lan.exec('linker', 'grep', 'other', '/etc/hosts')).toContain('renamed');
    await lan.remove('renamed', 'linker');
  });
});
