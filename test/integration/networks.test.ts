// Networks with real traffic. The engine's host and its neighbour are network namespaces of this test's own.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { bindSocket } from '../../src/kernel/sockets.ts';
import { addressBytes, requireAddress } from '../../src/network/addresses.ts';
import { parseQuery, RCODE, TYPE, writeResponse } from '../../src/network/dns/message.ts';
import { startEngine } from '../support/engine.ts';
import { hasNftables, type TestFirewall, usualFirewall, withFirewall } from '../support/firewalls.ts';
import { datagrams, Machine } from '../support/machines.ts';
import { fetchFrom, HOST, HOST6, NEIGHBOUR, NEIGHBOUR6, NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';

let lan: NetworkHost;

beforeAll(async () => {
  lan = await NetworkHost.start();
});

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
});

describe('the default bridge', () => {
  test('gives an address, a way out, names for itself and the servers of the host', async () => {
    await lan.web('plain');
    const { NetworkSettings } = await lan.engine.inspect('plain');
    const bridge = NetworkSettings!.Networks!['bridge']!;
    expect(bridge).toMatchObject({ IPAddress: '172.17.0.2', IPPrefixLen: 16, Gateway: '172.17.0.1' });
    expect(bridge.MacAddress).toBe('02:42:ac:11:00:02');
    expect(await lan.exec('plain', 'cat', '/etc/hosts')).toContain('172.17.0.2\tplain');
    expect(await lan.exec('plain', 'ip', 'route')).toContain('default via 172.17.0.1 dev eth0');
    expect(await fetchFrom(lan.host, 'http://172.17.0.2/')).toBe('plain');
    expect(await lan.exec('plain', 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
    await lan.remove('plain');
  });

  test('addresses are given again when they are free, and never twice', async () => {
    const ids = await Promise.all(
      ['a1', 'a2', 'a3'].map(name => lan.docker('run', '-d', '--name', name, 'busybox', 'sleep', '600')),
    );
    const addresses = await Promise.all(ids.map(id => lan.address(id, 'bridge')));
    expect(new Set(addresses)).toEqual(new Set(['172.17.0.2', '172.17.0.3', '172.17.0.4']));
    await lan.remove('a1', 'a2', 'a3');
    await lan.docker('run', '-d', '--name', 'a4', 'busybox', 'sleep', '600');
    expect(await lan.address('a4', 'bridge')).toBe('172.17.0.2');
    await lan.remove('a4');
  });
});

describe('published ports', () => {
  beforeAll(async () => {
    await lan.web('web', '-p', '8080:80', '-p', '127.0.0.1:8081:80');
    await lan.web('other');
  });
  afterAll(async () => {
    await lan.remove('web', 'other');
  });

  test('are reached from the host, by loopback and by its own address', async () => {
    expect(await fetchFrom(lan.host, 'http://127.0.0.1:8080/')).toBe('web');
    expect(await fetchFrom(lan.host, `http://${HOST}:8080/`)).toBe('web');
    expect(await fetchFrom(lan.host, 'http://127.0.0.1:8081/')).toBe('web');
  });

  test('are reached by IPv6 too, though the container has none', async () => {
    expect(await fetchFrom(lan.host, 'http://[::1]:8080/')).toBe('web');
    expect(await fetchFrom(lan.neighbour, `http://[${HOST6}]:8080/`)).toBe('web');
  });

  test('are reached from another machine, whose address the container sees', async () => {
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('web');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/cgi-bin/who`)).toContain(NEIGHBOUR);
  });

  test('are reached from other containers and from the container itself by an address of the host', async () => {
    expect(await fetchFrom(lan.inside('other'), `http://${HOST}:8080/`)).toBe('web');
    expect(await fetchFrom(lan.inside('web'), `http://${HOST}:8080/`)).toBe('web');
    expect(await fetchFrom(lan.inside('other'), 'http://172.17.0.1:8080/')).toBe('web');
  });

  test('on loopback are for the host alone', async () => {
    lan.neighbour.addRoute('127.0.0.2/32', HOST);
    lan.neighbour.setSysctl('net/ipv4/conf/all/route_localnet', '1');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8081/`)).toBe('');
    expect(await fetchFrom(lan.neighbour, 'http://127.0.0.2:8080/')).toBe('');
  });

  test('are the only way in: the address of a container is not reached from outside', async () => {
    lan.neighbour.addRoute('172.17.0.0/16', HOST);
    const address = await lan.address('web', 'bridge');
    expect(await fetchFrom(lan.neighbour, `http://${address}/`)).toBe('');
  });

  test('are shown', async () => {
    expect(await lan.docker('port', 'web')).toBe(
      '80/tcp -> 0.0.0.0:8080\n80/tcp -> 127.0.0.1:8081\n80/tcp -> [::]:8080',
    );
    const { NetworkSettings } = await lan.engine.inspect('web');
    expect(NetworkSettings!.Ports!['80/tcp']).toContainEqual({ HostIp: '127.0.0.1', HostPort: '8081' });
  });

  test('that are taken are refused before the container starts, whoever has them', async () => {
    const taken = await lan.refused('run', '--name', 'late', '-p', '8080:80', 'busybox', 'true');
    expect(taken.code).toBe(125);
    expect(taken.stderr).toContain('Bind for 0.0.0.0:8080 failed: port is already allocated');
    expect((await lan.engine.inspect('late')).State?.Status).toBe('created');
    await lan.remove('late');
    const server = lan.host.visit(() =>
      Bun.listen({ hostname: '0.0.0.0', port: 8090, socket: { data: () => undefined } }),
    );
    try {
      const { stderr } = await lan.refused('run', '--rm', '-p', '8090:80', 'busybox', 'true');
      expect(stderr).toContain('failed to bind host port 0.0.0.0:8090/tcp: address already in use');
    } finally {
      server.stop(true);
    }
  });

  test('of a range go to the first that is free; random ones differ', async () => {
    await lan.web('ranged', '-p', '8080-8083:80', '-p', '80', '-p', '81');
    const ports = (await lan.engine.inspect('ranged')).NetworkSettings!.Ports!;
    expect(ports['80/tcp']?.[0]?.HostPort).toBe('8082');
    const random = [ports['80/tcp']!.at(-1)!.HostPort, ports['81/tcp']!.at(-1)!.HostPort];
    expect(new Set(random).size).toBe(2);
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:${random[0]}/`)).toBe('ranged');
    await lan.remove('ranged');
  });

  test('-P publishes what the container exposes', async () => {
    await lan.web('exposed', '-P', '--expose', '80');
    const ports = (await lan.engine.inspect('exposed')).NetworkSettings!.Ports!;
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:${ports['80/tcp']![0]!.HostPort}/`)).toBe('exposed');
    await lan.remove('exposed');
  });

  test('carry UDP, and the container sees who asks', async () => {
    await lan.docker('run', '-d', '--name', 'datagrams', '-p', '5000:5000/udp', 'busybox', 'sleep', '600');
    using container = Machine.of((await lan.engine.inspect('datagrams')).State!.Pid!);
    using _ = await container.echo('0.0.0.0', 5000);
    expect(await lan.neighbour.ask(HOST, 5000, 'outside')).toBe(`outside ${NEIGHBOUR}`);
    expect(await lan.host.ask(HOST, 5000, 'inside')).toBe(`inside ${HOST}`);
    expect(await lan.host.ask('127.0.0.1', 5000, 'loopback')).toBe('loopback 172.17.0.1');
    expect(await lan.host.ask('::1', 5000, 'six')).toBe('six 172.17.0.1');
    await lan.remove('datagrams');
  });

  test('are free again when the container is gone', async () => {
    await lan.web('brief', '-p', '8085:80');
    await lan.remove('brief');
    await lan.web('brief', '-p', '8085:80');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8085/`)).toBe('brief');
    await lan.remove('brief');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8085/`)).toBe('');
  });
});

describe('networks of one’s own', () => {
  beforeAll(async () => {
    await lan.docker('network', 'create', '--subnet', '10.20.0.0/24', 'front');
    await lan.docker('network', 'create', 'back');
    await lan.docker('network', 'create', '--internal', 'hidden');
    await lan.web('w1', '--network', 'front', '--ip', '10.20.0.77', '--network-alias', 'pool');
    await lan.web('w2', '--network', 'front', '--network-alias', 'pool', '-p', '8100:80');
    await lan.web('w3', '--network', 'back');
    await lan.web('w4', '--network', 'hidden');
    await lan.web('w5', '--network', 'hidden');
  });
  afterAll(async () => {
    await lan.remove('w1', 'w2', 'w3', 'w4', 'w5');
    await lan.docker('network', 'rm', 'front', 'back', 'hidden');
  });

  test('containers of one network reach each other by name, of others not at all', async () => {
    expect(await fetchFrom(lan.inside('w1'), 'http://w2/')).toBe('w2');
    expect(await fetchFrom(lan.inside('w3'), 'http://w2/')).toBe('');
    expect(await fetchFrom(lan.inside('w3'), 'http://10.20.0.77/')).toBe('');
    expect(await fetchFrom(lan.inside('w3'), `http://${HOST}:8100/`)).toBe('w2');
  });

  test('an address that was asked for is given, and refused to the next', async () => {
    expect(await lan.address('w1', 'front')).toBe('10.20.0.77');
    const { code, stderr } = await lan.refused(
      'run',
      '--rm',
      '--network',
      'front',
      '--ip',
      '10.20.0.77',
      'busybox',
      'true',
    );
    expect({ code, message: stderr.includes('Address already in use') }).toEqual({ code: 125, message: true });
    const outside = await lan.refused('run', '--rm', '--network', 'front', '--ip', '10.21.0.1', 'busybox', 'true');
    expect(outside.stderr).toContain('no configured subnet contains IP address 10.21.0.1');
  });

  test('an internal network has neighbours and nothing else', async () => {
    expect(await fetchFrom(lan.inside('w4'), 'http://w5/')).toBe('w5');
    expect(await lan.exec('w4', 'ip', 'route')).not.toContain('default');
    const gateway = (await lan.address('w4', 'hidden')).replace(/\d+$/, '1');
    const id = await lan.docker(
      'run',
      '-d',
      '--network',
      'container:w4',
      '--cap-add',
      'NET_ADMIN',
      'busybox',
      'sleep',
      '600',
    );
    await lan.engine.docker('exec', id, 'ip', 'route', 'add', 'default', 'via', gateway);
    expect(await lan.exec(id, 'ping', '-c1', '-W1', NEIGHBOUR)).not.toContain('1 packets received');
    expect(await fetchFrom(lan.inside(id), `http://${HOST}:8100/`)).toBe('');
    expect(await fetchFrom(lan.inside(id), 'http://10.20.0.77/')).toBe('');
    await lan.remove(id);
  });

  test('names: aliases in turn, both directions, upper case, and nothing of other networks', async () => {
    const look = async (container: string, ...query: string[]) => lan.exec(container, 'nslookup', ...query);
    const w1 = await lan.address('w1', 'front');
    const w2 = await lan.address('w2', 'front');
    const first = new Set<string>();
    await until(async () => {
      const answer = await look('w1', '-type=a', 'pool');
      expect(answer).toContain(w1);
      expect(answer).toContain(w2);
      first.add(/Name:\s+pool\s+Address: (\S+)/.exec(answer)?.[1] ?? '');
      return first.size === 2;
    });
    expect(await look('w1', w2)).toContain('w2.front');
    expect(await look('w1', 'W2')).toContain(w2);
    expect(await look('w1', 'w2.front')).toContain(w2);
    expect(await look('w1', (await lan.engine.inspect('w2')).Id!.slice(0, 12))).toContain(w2);
    expect(await look('w1', '-type=aaaa', 'w2')).not.toContain('NXDOMAIN');
    expect(await look('w1', '-type=mx', 'w2')).not.toContain('NXDOMAIN');
    expect(await look('w3', 'w2')).not.toContain(w2);
    expect(await look('w1', await lan.address('w3', 'back'))).not.toContain('w3');
  });

  test('hundreds of lookups at once are all answered', async () => {
    const script = 'for i in $(seq 300); do nslookup -type=a w2 > /tmp/$i & done; wait; grep -l "Name:" /tmp/* | wc -l';
    expect(await lan.exec('w1', 'sh', '-c', script)).toBe('300');
  });

  test('what is no DNS changes nothing', async () => {
    for (const bytes of [
      String.raw`\x00`,
      String.raw`\x12\x34\x01\x00\x00\x01`,
      String.raw`\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff`,
    ]) {
      await lan.exec(
        'w1',
        'sh',
        '-c',
        `printf '${bytes}' | nc -u -w 1 127.0.0.11 53; printf '${bytes}' | nc -w 1 127.0.0.11 53`,
      );
    }
    expect(await lan.exec('w1', 'nslookup', '-type=a', 'w2')).toContain('Name:');
  });

  test('a container may serve port 53 itself', async () => {
    await lan.engine.docker('exec', '-d', 'w1', 'httpd', '-f', '-p', '53', '-h', '/www');
    await until(async () => (await fetchFrom(lan.inside('w2'), 'http://w1:53/')) === 'w1');
    expect(await lan.exec('w1', 'nslookup', '-type=a', 'w2')).toContain('Name:');
  });

  test('connected and disconnected while it runs', async () => {
    await lan.docker('network', 'connect', '--alias', 'visitor', 'back', 'w1');
    expect(await fetchFrom(lan.inside('w3'), 'http://visitor/')).toBe('w1');
    expect(await lan.exec('w1', 'cat', '/etc/hosts')).toContain(await lan.address('w1', 'back'));
    await lan.docker('network', 'disconnect', 'back', 'w1');
    expect(await fetchFrom(lan.inside('w3'), 'http://visitor/')).toBe('');
    await until(async () => !/eth1|gone/.test(await lan.exec('w1', 'ip', 'address')));
    expect(await fetchFrom(lan.inside('w1'), 'http://w2/')).toBe('w2');
  });

  test('a published port stays when the way out changes', async () => {
    await lan.docker('network', 'connect', 'back', 'w2');
    await lan.docker('network', 'disconnect', 'front', 'w2');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8100/`)).toBe('w2');
    await lan.docker('network', 'connect', '--alias', 'pool', 'front', 'w2');
    await lan.docker('network', 'disconnect', 'back', 'w2');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8100/`)).toBe('w2');
  });

  test('the highest gw-priority is the way out', async () => {
    await lan.docker('run', '-d', '--name', 'two', '--network', 'back', 'busybox', 'sleep', '600');
    await lan.docker('network', 'connect', '--gw-priority', '1', 'front', 'two');
    expect(await lan.exec('two', 'ip', 'route')).toContain('default via 10.20.0.1');
    await lan.remove('two');
  });

  test('a renamed container answers to its new name only', async () => {
    await lan.docker('rename', 'w2', 'w2b');
    expect(await fetchFrom(lan.inside('w1'), 'http://w2b/')).toBe('w2');
    await lan.docker('rename', 'w2b', 'w2');
    expect(await lan.exec('w1', 'nslookup', '-type=a', 'w2b')).not.toContain('Name:');
  });

  test('the engine dies and comes back: traffic goes on, names return, nothing is given twice', async () => {
    const before = await lan.address('w2', 'front');
    await lan.engine.kill();
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8100/`)).toBe('w2');
    expect(await fetchFrom(inContainerOf('w1'), `http://${before}/`)).toBe('w2');
    await lan.engine.start();
    expect(await lan.address('w2', 'front')).toBe(before);
    expect(await fetchFrom(lan.inside('w1'), 'http://w2/')).toBe('w2');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8100/`)).toBe('w2');
    expect(await fetchFrom(lan.host, 'http://[::1]:8100/')).toBe('w2');
    const { stderr } = await lan.refused('run', '--rm', '-p', '8100:80', 'busybox', 'true');
    expect(stderr).toContain('port is already allocated');
    await lan.docker('run', '-d', '--name', 'new', '--network', 'front', 'busybox', 'sleep', '600');
    expect([before, '10.20.0.77']).not.toContain(await lan.address('new', 'front'));
    await lan.remove('new');
  });

  /** Without the engine: by the process. */
  function inContainerOf(name: string) {
    return {
      run: (...command: string[]) => {
        const pid = pids.get(name)!;
        return lan.host.run('nsenter', '-t', String(pid), '-n', ...command);
      },
    };
  }
  const pids = new Map<string, number>();
  beforeAll(async () => {
    pids.set('w1', (await lan.engine.inspect('w1')).State!.Pid!);
  });
});

describe('IPv6', () => {
  beforeAll(async () => {
    await lan.docker('network', 'create', '--ipv6', '--subnet', 'fd77::/64', 'six');
    await lan.web('s1', '--network', 'six', '-p', '8200:80');
    await lan.web('s2', '--network', 'six', '--ip6', 'fd77::55');
  });
  afterAll(async () => {
    await lan.remove('s1', 's2');
    await lan.docker('network', 'rm', 'six');
  });

  test('addresses of both families, by name', async () => {
    expect(await lan.address('s2', 'six', 6)).toBe('fd77::55');
    expect(await lan.exec('s1', 'nslookup', '-type=aaaa', 's2')).toContain('fd77::55');
    expect(await fetchFrom(lan.inside('s1'), 'http://[fd77::55]/')).toBe('s2');
    expect(await lan.exec('s1', 'ip', '-6', 'route')).toContain('default via fd77::1');
  });

  test('published ports, from the host and from outside', async () => {
    expect(await fetchFrom(lan.neighbour, `http://[${HOST6}]:8200/`)).toBe('s1');
    expect(await fetchFrom(lan.neighbour, `http://[${HOST6}]:8200/cgi-bin/who`)).toContain(NEIGHBOUR6);
    expect(await fetchFrom(lan.host, 'http://[::1]:8200/')).toBe('s1');
    expect(await fetchFrom(lan.host, `http://${HOST}:8200/`)).toBe('s1');
    expect(await fetchFrom(lan.inside('s2'), `http://[${HOST6}]:8200/`)).toBe('s1');
  });

  test('a way out', async () => {
    expect(await lan.exec('s1', 'ping6', '-c1', '-W2', NEIGHBOUR6)).toContain('1 packets received');
  });
});

describe('what the embedded server does not know', () => {
  /** Knows one name, and refuses all when it is told to. */
  async function nameServer(machine: Machine, address: string, answer: 'known' | 'refuse'): Promise<Disposable> {
    const bytes = addressBytes(requireAddress(address));
    const fd = machine.visit(() => bindSocket({ protocol: 'udp', address: bytes, port: 53 }));
    const socket = await datagrams(fd, (packet, port, sender, self) => {
      const query = parseQuery(packet);
      if (!query) return;
      const known = answer === 'known' && query.name === 'outside.example' && query.type === TYPE.A;
      const rcode = answer === 'refuse' ? RCODE.refused : query.name === 'outside.example' ? RCODE.ok : RCODE.nameError;
      const answers = known ? [{ type: TYPE.A, address: Uint8Array.of(198, 51, 100, 7) }] : [];
      self.send(writeResponse(query, rcode, answers, 512), port, sender);
    });
    return { [Symbol.dispose]: () => socket.close() };
  }

  test('is asked of the servers it was given, in turn', async () => {
    lan.neighbour.addAddresses('wire', '192.0.2.10/24');
    using _refusing = await nameServer(lan.neighbour, '192.0.2.10', 'refuse');
    using _knowing = await nameServer(lan.neighbour, NEIGHBOUR, 'known');
    await lan.docker('network', 'create', 'asking');
    const flags = ['--network', 'asking', '--dns', '192.0.2.10', '--dns', NEIGHBOUR, '--dns-search', 'example'];
    await lan.docker('run', '-d', '--name', 'curious', ...flags, 'busybox', 'sleep', '600');
    expect(await lan.exec('curious', 'nslookup', '-type=a', 'outside.example')).toContain('198.51.100.7');
    expect(await lan.exec('curious', 'nslookup', '-type=a', 'nowhere.example')).toContain('NXDOMAIN');
    expect(await lan.exec('curious', 'cat', '/etc/resolv.conf')).toContain('search example');
    expect(await lan.exec('curious', 'nslookup', '-type=a', 'host.docker.internal')).toContain(
      (await lan.address('curious', 'asking')).replace(/\d+$/, '1'),
    );
    await lan.remove('curious');
    await lan.docker('network', 'rm', 'asking');
  });

  test('is not asked for a container without a way out', async () => {
    await lan.docker('network', 'create', '--internal', 'closed');
    await lan.docker('run', '-d', '--name', 'cut-off', '--network', 'closed', 'busybox', 'sleep', '600');
    expect(await lan.exec('cut-off', 'nslookup', '-type=a', 'outside.example')).toContain('SERVFAIL');
    await lan.remove('cut-off');
    await lan.docker('network', 'rm', 'closed');
  });

  test('host-gateway is the default bridge, or what the engine is told', async () => {
    const hosts = await lan.docker('run', '--rm', '--add-host', 'up:host-gateway', 'busybox', 'cat', '/etc/hosts');
    expect(hosts).toContain('172.17.0.1\tup');
  });
});

describe('links and icc', () => {
  test('without icc only linked containers reach each other', async () => {
    await using strict = await NetworkHost.start({ flags: ['--icc=false'] });
    await strict.web('db', '--expose', '80');
    await strict.web('app', '--link', 'db:database');
    await strict.web('third');
    const inside = (name: string) => ({
      run: (...command: string[]) => strict.engine.docker('exec', name, ...command),
    });
    const db = await strict.address('db', 'bridge');
    expect(await fetchFrom(inside('app'), 'http://database/')).toBe('db');
    expect(await fetchFrom(inside('third'), `http://${db}/`)).toBe('');
    expect(await strict.exec('app', 'env')).toContain(`DATABASE_PORT_80_TCP_ADDR=${db}`);
    expect(await strict.exec('app', 'cat', '/etc/hosts')).toMatch(new RegExp(`${db}\\s+database db`));
    expect(await strict.docker('inspect', '-f', '{{json .HostConfig.Links}}', 'app')).toBe('["/db:/app/database"]');
    const { stderr } = await strict.refused('run', '--rm', '--link', 'nobody', 'busybox', 'true');
    expect(stderr).toContain('nobody');

    // It holds when the other one is started again, is away from the bridge for a while, or has another address.
    await strict.docker('restart', '-t0', 'db');
    await until(async () => (await fetchFrom(inside('app'), 'http://database/')) === 'db');
    await strict.docker('network', 'create', 'aside');
    await strict.docker('network', 'connect', 'aside', 'db');
    await strict.docker('network', 'disconnect', 'bridge', 'db');
    await strict.web('heir', '--expose', '80');
    expect(await strict.address('heir', 'bridge')).toBe(db);
    expect(await fetchFrom(inside('app'), `http://${db}/`)).toBe('');
    await strict.docker('network', 'connect', 'bridge', 'db');
    expect(await strict.address('db', 'bridge')).not.toBe(db);
    expect(await fetchFrom(inside('app'), 'http://database/')).toBe('db');
    await strict.docker('network', 'disconnect', 'bridge', 'app');
    await strict.docker('network', 'connect', 'bridge', 'app');
    expect(await fetchFrom(inside('app'), 'http://database/')).toBe('db');
    expect(await fetchFrom(inside('app'), `http://${db}/`)).toBe('');

    // The link goes, with all it gave; both containers stay.
    await strict.refused('rm', '--link', 'db');
    await strict.refused('rm', '--link', 'app/nobody');
    await strict.docker('rm', '--link', '/app/database');
    expect(await fetchFrom(inside('app'), `http://${await strict.address('db', 'bridge')}/`)).toBe('');
    expect(await strict.exec('app', 'cat', '/etc/hosts')).not.toContain('database');
    expect(await strict.docker('inspect', '-f', '{{.State.Status}} {{.HostConfig.Links}}', 'app', 'db')).toBe(
      'running []\nrunning []',
    );
  });
});

test('on a network of one’s own a link is a name for one container alone, by either client', async () => {
  const address = '10.66.0.9';
  await lan.docker('network', 'create', '--subnet', '10.66.0.0/24', 'linked');
  await lan.web('target', '--network', 'linked', '--ip', address);
  const run = ['run', '--rm', '--network', 'linked', '--link', 'target:nick', 'busybox', 'nslookup', '-type=a', 'nick'];
  for (const { code, stdout, stderr } of [await lan.engine.docker(...run), await lan.engine.official(...run)]) {
    expect({ code, stderr, found: stdout.includes(address) }).toEqual({ code: 0, stderr: '', found: true });
  }
  expect(await lan.exec('target', 'nslookup', '-type=a', 'nick')).not.toContain(address);
  await lan.remove('target');
  await lan.docker('network', 'rm', 'linked');
});

describe('the engine and its host', () => {
  test('switches forwarding on for its containers only, and off when it leaves', async () => {
    await using quiet = await NetworkHost.start({
      beforeStart: host => {
        host.setSysctl('net/ipv4/ip_forward', '0');
      },
    });
    await quiet.web('web', '-p', '8080:80');
    const forwards = () => quiet.host.visit(() => readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim());
    expect(forwards()).toBe('1');
    expect(await fetchFrom(quiet.neighbour, `http://${HOST}:8080/`)).toBe('web');
    expect(await quiet.exec('web', 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
    if (quiet.firewall === 'nftables') {
      const rules = await quiet.host.output('nft', 'list', 'ruleset');
      expect(rules).toMatch(/hook forward priority filter; policy drop/);
    } else {
      expect(await quiet.host.output(quiet.firewall, '-S', 'FORWARD')).toContain('-P FORWARD DROP');
    }
    await quiet.engine.kill();
    await quiet.engine.start();
    await quiet.docker('rm', '-f', 'web');
    await quiet.engine.kill();
    await quiet.engine.start();
    await quiet.engine.stop();
    expect(forwards()).toBe('0');
    await quiet.engine.start();
    await quiet.docker('run', '--rm', 'busybox', 'true');
    // Whoever made it may have found that the host forwards.
    await quiet.host.output('ip', 'link', 'add', 'virbr0', 'type', 'bridge');
    await quiet.engine.stop();
    expect(forwards()).toBe('1');
  });

  test('works where others drop what is forwarded, and leaves their rules alone', async () => {
    const others =
      'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }';
    await using guarded = await NetworkHost.start({
      beforeStart: async host => {
        if (hasNftables) await host.output('nft', others);
        else await host.output('iptables-legacy', '-P', 'FORWARD', 'DROP');
      },
    });
    await guarded.web('web', '-p', '8080:80');
    expect(await fetchFrom(guarded.neighbour, `http://${HOST}:8080/`)).toBe('web');
    expect(await guarded.exec('web', 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
    await guarded.docker('rm', '-f', 'web');
    await guarded.engine.stop();
    const rules = hasNftables ? ['nft', 'list', 'ruleset'] : ['iptables-legacy-save', '-t', 'filter'];
    const { stdout } = await guarded.host.run(...rules);
    expect(stdout).toContain(hasNftables ? 'policy drop' : ':FORWARD DROP');
    expect(stdout).not.toContain('dockyard');
  });

  test('leaves nothing behind of networks that have gone before', async () => {
    await using brief = await NetworkHost.start();
    for (const end of [() => undefined, () => brief.engine.kill().then(() => brief.engine.start())]) {
      await brief.docker('network', 'create', 'gone');
      await brief.docker('network', 'rm', 'gone');
      await end();
      await brief.engine.stop();
      expect({ interfaces: brief.interfaces(), tables: brief.tables() }).toEqual({ interfaces: [], tables: [] });
      await brief.engine.start();
    }
  });

  test('leaves nothing behind when it ends without containers', async () => {
    await using brief = await NetworkHost.start();
    await brief.docker('network', 'create', 'extra');
    await brief.docker('run', '--rm', '--network', 'extra', 'busybox', 'true');
    await brief.docker('run', '--rm', 'busybox', 'true');
    await brief.engine.stop();
    expect({ interfaces: brief.interfaces(), tables: brief.tables() }).toEqual({ interfaces: [], tables: [] });
    await brief.engine.start();
    await brief.docker('run', '--rm', 'busybox', 'true');
    await brief.engine.kill();
    await brief.engine.start();
    await brief.engine.stop();
    expect({ interfaces: brief.interfaces(), tables: brief.tables() }).toEqual({ interfaces: [], tables: [] });
    await brief.engine.start();
    expect(await brief.docker('run', '--rm', '--network', 'extra', 'busybox', 'ip', 'route')).toContain('default');
  });

  test('engines side by side on one host keep out of each other’s way', async () => {
    await using first = await NetworkHost.start();
    await first.web('web', '-p', '8080:80');
    await using second = await startEngine(withFirewall({ bridge: true, through: first.host.enter }, usualFirewall));
    const route = await second.output('run', '--rm', 'busybox', 'ip', 'route');
    expect(route).not.toContain('172.17.0.0/16');
    const { stderr } = await second.docker('run', '--rm', '-p', '8080:80', 'busybox', 'true');
    expect(stderr).toContain('failed to bind host port 0.0.0.0:8080/tcp: address already in use');
    expect(await fetchFrom(first.neighbour, `http://${HOST}:8080/`)).toBe('web');
  });

  const firewalls = new Set<TestFirewall>([usualFirewall, 'iptables-legacy']);
  test.each([...firewalls])('by %s: engines let each other through, but not into internal networks', async firewall => {
    const beforeStart = (host: Machine) => host.setSysctl('net/ipv4/ip_forward', '0');
    await using first = await NetworkHost.start({ firewall, beforeStart });
    await first.docker('network', 'create', '--internal', '--subnet', '10.53.0.0/24', 'closed');
    await first.web('inner', '--network', 'closed', '--ip', '10.53.0.10', '--cap-add', 'NET_ADMIN');
    await first.exec('inner', 'ip', 'route', 'add', 'default', 'via', '10.53.0.1');
    await using second = await startEngine(withFirewall({ bridge: true, through: first.host.enter }, firewall));
    const serve = 'hostname > /index.html; exec httpd -f -p 80 -h /';
    const outer = ['--name', 'outer', '--hostname', 'outer', '-p', '8082:80'];
    await second.output('run', '-d', ...outer, 'busybox', 'sh', '-c', serve);
    await until(async () => (await fetchFrom(first.neighbour, `http://${HOST}:8082/`)) === 'outer');
    const within = (engine: typeof second, name: string) => ({
      run: (...command: string[]) => engine.docker('exec', name, ...command),
    });
    expect(await fetchFrom(within(first.engine, 'inner'), `http://${HOST}:8082/`)).toBe('');
    expect(await fetchFrom(within(second, 'outer'), 'http://10.53.0.10/')).toBe('');
  });
});
