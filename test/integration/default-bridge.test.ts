// The daemon's flags for the default bridge, each seen from inside a container or from another machine.
import { describe, expect, test } from 'bun:test';
import type { Network } from '../../src/wire/types.ts';
import { startEngine } from '../support/engine.ts';
import { fetchFrom, HOST, HOST6, NEIGHBOUR, NEIGHBOUR6, NetworkHost } from '../support/network-host.ts';

const bridgeOf = async (lan: NetworkHost) => (await lan.engine.api.get('/networks/bridge')).ok.json<Network>();
const run = (lan: NetworkHost, ...command: string[]) => lan.docker('run', '--rm', 'busybox', ...command);

describe('the default bridge', () => {
  test('with an address, a range, a router, an MTU and servers of its own', async () => {
    await using lan = await NetworkHost.start({
      flags: [
        ...['--bip', '10.7.0.1/16', '--fixed-cidr', '10.7.5.0/24', '--default-gateway', '10.7.0.254', '--mtu', '1420'],
        ...['--dns', '192.0.2.53', '--dns-search', 'corp.example', '--dns-opt', 'timeout:1'],
      ],
    });
    const shown = await run(lan, 'sh', '-c', 'ip addr show eth0; ip route; cat /etc/resolv.conf');
    expect(shown).toContain('inet 10.7.5.0/16');
    expect(shown).toContain('mtu 1420');
    expect(shown).toContain('default via 10.7.0.254');
    expect(shown).toContain('nameserver 192.0.2.53\nsearch corp.example\noptions timeout:1');
    const { IPAM, Options } = await bridgeOf(lan);
    expect(IPAM!.Config).toEqual([
      {
        Subnet: '10.7.0.0/16',
        IPRange: '10.7.5.0/24',
        Gateway: '10.7.0.1',
        AuxiliaryAddresses: { DefaultGatewayIPv4: '10.7.0.254' },
      },
    ]);
    expect(Options).toMatchObject({
      'com.docker.network.bridge.default_bridge': 'true',
      'com.docker.network.driver.mtu': '1420',
    });
  });

  test('with IPv6', async () => {
    await using lan = await NetworkHost.start({ flags: ['--ipv6', '--fixed-cidr-v6', 'fd99::/64'] });
    await lan.web('web', '-p', '8080:80');
    expect(await lan.address('web', 'bridge', 6)).toBe('fd99::2');
    expect(await fetchFrom(lan.neighbour, `http://[${HOST6}]:8080/cgi-bin/who`)).toContain(NEIGHBOUR6);
    expect(await lan.exec('web', 'ping6', '-c1', '-W2', NEIGHBOUR6)).toContain('1 packets received');
  });

  test('with IPv6 of the wire alone', async () => {
    await using lan = await NetworkHost.start({ flags: ['--ipv6', '--fixed-cidr-v6', 'fe80::/64'] });
    await lan.docker('run', '-d', '--name', 'one', 'busybox', 'sleep', '600');
    expect(await lan.exec('one', 'ping6', '-c1', '-W2', 'fe80::1%eth0')).toContain('1 packets received');
  });

  test('publishes on the address it is told, and chooses from the pools it is told', async () => {
    await using lan = await NetworkHost.start({
      flags: ['--ip', '127.0.0.1', '--default-address-pool', 'base=10.77.0.0/16,size=24'],
    });
    await lan.web('web', '-p', '8080:80');
    expect(await lan.address('web', 'bridge')).toBe('10.77.0.2');
    expect(await fetchFrom(lan.host, 'http://127.0.0.1:8080/')).toBe('web');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('');
    // That is its own address alone: other networks have an option for it.
    await lan.docker('network', 'create', 'other');
    await lan.web('beside', '--network', 'other', '-p', '8081:80');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8081/`)).toBe('beside');
  });

  test('has none of the options that new networks have by default', async () => {
    await using lan = await NetworkHost.start({
      config: {
        'default-network-opts': {
          bridge: {
            'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1',
            'com.docker.network.driver.mtu': '1400',
            'com.docker.network.enable_ipv6': 'true',
          },
        },
      },
    });
    await lan.docker('network', 'create', 'new');
    await lan.web('web', '-p', '8080:80');
    await lan.web('beside', '--network', 'new', '-p', '8081:80');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('web');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8081/`)).toBe('');
    expect(await fetchFrom(lan.host, 'http://127.0.0.1:8081/')).toBe('beside');
    expect(await lan.exec('web', 'ip', 'addr')).toContain('mtu 1500');
    expect(await lan.exec('beside', 'ip', 'addr')).toContain('mtu 1400');
    expect(await lan.address('beside', 'new', 6)).not.toBe('');
    expect((await bridgeOf(lan)).Options).not.toHaveProperty('com.docker.network.enable_ipv6');
  });

  test('without masquerading sends with the containers’ own addresses', async () => {
    await using lan = await NetworkHost.start({ flags: ['--ip-masq=false'] });
    lan.neighbour.addRoute('172.17.0.0/16', HOST);
    expect(await run(lan, 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
  });

  test('lets others in where direct routing is allowed', async () => {
    await using lan = await NetworkHost.start({ flags: ['--allow-direct-routing'] });
    lan.neighbour.addRoute('172.17.0.0/16', HOST);
    await lan.web('web', '-p', '80');
    await lan.web('shut');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('web', 'bridge')}/`)).toBe('web');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('shut', 'bridge')}/`)).toBe('');
  });

  for (const [flags, message] of [
    [['--bip', '10.7.0.1'], 'invalid bip 10.7.0.1: it must be an IPv4 address with the length of its prefix'],
    [['--bip', 'fd07::1/64'], 'invalid bip fd07::1/64'],
    [['--bip', '10.7.0.255/24'], 'invalid bip 10.7.0.255/24: no host can have that address'],
    [['--bip', '10.7.0.1/32'], 'invalid bip 10.7.0.1/32: no host can have that address'],
    [['--fixed-cidr-v6', 'fd07::/200'], 'invalid fixed-cidr-v6 fd07::/200'],
    [
      ['--bip', '10.7.0.1/24', '--fixed-cidr', '10.8.0.0/25'],
      'fixed-cidr 10.8.0.0/25 must be within the network of bip',
    ],
    [['--bip', '10.7.0.1/24', '--default-gateway', '10.8.0.1'], 'default gateway ip must be part of the network'],
    [['--bridge', 'nosuch'], '--bridge: there is no nosuch on this host'],
    [['--bridge', 'lo'], '--bridge: interface lo is not a bridge'],
  ] as const) {
    test(`is refused at the engine's start with ${flags.join(' ')}`, async () => {
      await using engine = await startEngine({ bridge: true, flags, start: false });
      await expect(engine.start()).rejects.toThrow(message);
    });
  }

  test('is one that somebody else made', async () => {
    await using lan = await NetworkHost.start({
      flags: ['--bridge', 'theirs'],
      beforeStart: host => {
        Bun.spawnSync([...host.enter, 'ip', 'link', 'add', 'theirs', 'type', 'bridge']);
        host.addAddresses('theirs', '10.44.0.1/24');
      },
    });
    expect(await run(lan, 'ip', 'route')).toContain('default via 10.44.0.1');
    await lan.engine.stop();
    expect(lan.interfaces()).toContain('theirs');
  });

  test('is made by the usual name, too, when nobody has made it', async () => {
    await using lan = await NetworkHost.start({ flags: ['--bridge', 'docker0'] });
    const lives = await lan.docker('run', '-d', 'busybox', 'sleep', '300');
    expect(lan.interfaces()).toContain('docker0');
    await lan.engine.restart();
    await lan.docker('rm', '-f', lives);
    await lan.engine.stop();
    expect(lan.interfaces()).toEqual([]);
  });

  test('without iptables has no rules: containers reach each other, and ports are carried by a process', async () => {
    await using lan = await NetworkHost.start({ flags: ['--iptables=false', '--ip6tables=false'] });
    await lan.web('one', '-p', '8080:80');
    await lan.web('two');
    const address = await lan.address('one', 'bridge');
    const inside = { run: (...command: string[]) => lan.engine.docker('exec', 'two', ...command) };
    expect(await fetchFrom(inside, `http://${address}/`)).toBe('one');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('one');
    expect(lan.tables()).toEqual([]);
  });

  test('is not there when it is switched off, and nothing is made', async () => {
    await using lan = await NetworkHost.start({ bridge: false });
    expect(await run(lan, 'ip', 'addr')).not.toContain('eth0');
    expect((await lan.engine.api.get('/networks/bridge')).status).toBe(404);
    expect({ interfaces: lan.interfaces(), tables: lan.tables() }).toEqual({ interfaces: [], tables: [] });
    const { stderr } = await lan.refused('run', '--rm', '--network', 'bridge', 'busybox', 'true');
    expect(stderr).toContain('network bridge not found');
  });
});
