// A container that does all it can with its network, as root and with NET_ADMIN: it stays within it.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileWithMusl } from '../support/c-libraries.ts';
import { Machine } from '../support/machines.ts';
import { fetchFrom, HOST, NEIGHBOUR, NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';

const HOSTILE = ['--cap-add', 'NET_ADMIN', '--cap-add', 'NET_RAW'];
let lan: NetworkHost;
/** The villain's network. */
let machine: Machine;
let hostService: { stop(closeActiveConnections?: boolean): void };

beforeAll(async () => {
  lan = await NetworkHost.start();
  await lan.docker('network', 'create', '--subnet', '10.50.0.0/24', '--ipv6', '--subnet', 'fd50::/64', 'victims');
  await lan.docker('network', 'create', '--subnet', '10.51.0.0/24', '--ipv6', '--subnet', 'fd51::/64', 'villains');
  await lan.docker('network', 'create', '--internal', '--subnet', '10.52.0.0/24', 'closed');
  await lan.web('victim', '--network', 'victims', '--ip', '10.50.0.10', '--ip6', 'fd50::10');
  await lan.web('inner', '--network', 'closed', '--ip', '10.52.0.10');
  const routing = ['--sysctl', 'net.ipv4.conf.all.route_localnet=1'];
  await lan.docker(
    ...['run', '-d', '--name', 'villain', '--network', 'villains', ...HOSTILE, ...routing, 'busybox', 'sleep', '600'],
  );
  machine = Machine.of((await lan.engine.inspect('villain')).State!.Pid!);
  // What a host keeps to itself.
  hostService = lan.host.visit(() =>
    Bun.listen({
      hostname: '127.0.0.1',
      port: 7777,
      socket: { open: socket => void socket.end('secret'), data: () => undefined },
    }),
  );
});

afterAll(async () => {
  hostService?.stop(true);
  machine?.[Symbol.dispose]();
  await lan?.[Symbol.asyncDispose]();
});

const villain = (script: string) => lan.engine.docker('exec', 'villain', 'sh', '-c', script);
const inVillain = { run: (...command: string[]) => lan.engine.docker('exec', 'villain', ...command) };
describe('addresses of others', () => {
  test('of another network are not heard: the owner is still the one who is reached', async () => {
    machine.addAddresses('eth0', '10.50.0.10/32', 'fd50::10/128');
    await villain('arping -U -c 3 -I eth0 10.50.0.10; ping -c1 -W1 10.51.0.1');
    expect(await fetchFrom(lan.host, 'http://10.50.0.10/')).toBe('victim');
    expect(await fetchFrom(lan.host, 'http://[fd50::10]/')).toBe('victim');
    await villain('ip addr del 10.50.0.10/32 dev eth0; ip -6 addr del fd50::10/128 dev eth0');
  });

  test('of containers elsewhere lead nowhere, by whatever route', async () => {
    await villain('ip route add 10.50.0.0/24 via 10.51.0.1; ip route add 10.52.0.0/24 via 10.51.0.1');
    expect(await fetchFrom(inVillain, 'http://10.50.0.10/')).toBe('');
    expect(await fetchFrom(inVillain, 'http://10.52.0.10/')).toBe('');
    expect(await fetchFrom(inVillain, 'http://[fd50::10]/')).toBe('');
    // Though it can reach its own, and the world.
    expect((await villain(`ping -c1 -W2 ${NEIGHBOUR}`)).stdout).toContain('1 packets received');
  });
});

describe('the host', () => {
  test('does not serve its loopback to a container that routes there', async () => {
    expect(await fetchLine(lan.host, '127.0.0.1')).toBe('secret');
    const before = await lan.dropped('container to loopback of host');
    // Its own loopback is in the way: it goes first.
    await villain(
      'ip addr del 127.0.0.1/8 dev lo; ip route flush table local 127.0.0.0/8; ip route add 127.0.0.1/32 via 10.51.0.1',
    );
    const { stdout } = await villain('nc -w 2 127.0.0.1 7777 < /dev/null');
    expect(stdout).not.toContain('secret');
    expect(await lan.dropped('container to loopback of host')).toBeGreaterThan(before);
    await villain('ip route del 127.0.0.1/32; ip addr add 127.0.0.1/8 dev lo');
  });

  test('believes no router among the containers', async () => {
    const programs = mkdtempSync(join(tmpdir(), 'programs-'));
    await compileWithMusl('advertise', `${programs}/advertise`);
    // With no more rights than anybody has. What it says is true to its neighbours, as with Docker: they share a wire.
    const mounted = ['-v', `${programs}:/programs:ro`];
    const sleeper = (name: string) =>
      lan.docker('run', '-d', '--name', name, '--network', 'villains', ...mounted, 'busybox', 'sleep', '600');
    // Who forwards listens to no router anyway.
    lan.host.setSysctl('net/ipv6/conf/all/forwarding', '0');
    await sleeper('router');
    await sleeper('believer');
    await until(async () => {
      await lan.exec('router', '/programs/advertise', 'eth0', '2001:db8:bad::');
      return (await lan.exec('believer', 'ip', '-6', 'route')).includes('2001:db8:bad::/64');
    });
    expect(await lan.exec('believer', 'ip', '-6', 'route')).toMatch(/default via fe80:\S+ dev eth0/);
    const host = await lan.host.output('ip', '-6', 'route', 'show', 'table', 'all');
    expect(host).toContain('fd51::/64');
    expect(host).not.toMatch(/2001:db8:bad|default|proto ra/);
    expect(await lan.host.output('ip', '-6', 'address')).not.toContain('2001:db8:bad');
    lan.host.setSysctl('net/ipv6/conf/all/forwarding', '1');
    await lan.remove('router', 'believer');
  });

  test('shows none of its sockets: neither the engine’s nor those of names', async () => {
    const { stdout } = await villain('cat /proc/net/unix; ls /run /var/run; env; netstat -lnx');
    expect(stdout).not.toContain(lan.engine.roots.base);
    expect(stdout).not.toContain('docker.sock');
  });
});

describe('names', () => {
  test('of another network are not told, whichever server is asked', async () => {
    for (const server of ['127.0.0.11', '10.51.0.1', '10.50.0.10']) {
      const { stdout } = await villain(`timeout 1 nslookup -type=a victim ${server}`);
      expect({ server, told: stdout.includes('10.50.0.10') }).toEqual({ server, told: false });
    }
  });
});

describe('an internal network', () => {
  test('has no outside, whatever routes and neighbours are made up', async () => {
    await lan.docker('run', '-d', '--name', 'prisoner', '--network', 'closed', ...HOSTILE, 'busybox', 'sleep', '600');
    const prisoner = (script: string) => lan.engine.docker('exec', 'prisoner', 'sh', '-c', script);
    const inPrisoner = { run: (...command: string[]) => lan.engine.docker('exec', 'prisoner', ...command) };
    expect(await fetchFrom(inPrisoner, 'http://inner/')).toBe('inner');
    using cell = Machine.of((await lan.engine.inspect('prisoner')).State!.Pid!);
    const bridge = lan.host.route
      .links()
      .find(({ name }) => lan.interfaces().includes(name) && name.startsWith('br-'))!;
    expect(cell.route.routes().some(({ destination }) => !destination)).toBe(false);
    await prisoner(
      `ip route add default via 10.52.0.1; ip neigh add 10.52.0.77 lladdr ${bridge.macAddress} dev eth0; true`,
    );
    expect((await prisoner(`ping -c1 -W1 ${NEIGHBOUR}`)).stdout).not.toContain('1 packets received');
    await prisoner('ip route replace default via 10.52.0.77');
    expect((await prisoner(`ping -c1 -W1 ${NEIGHBOUR}`)).stdout).not.toContain('1 packets received');
    expect(await fetchFrom(inPrisoner, 'http://10.50.0.10/')).toBe('');
    // Nor does the outside get in.
    lan.neighbour.addRoute('10.52.0.0/24', HOST);
    expect(await fetchFrom(lan.neighbour, 'http://10.52.0.10/')).toBe('');
    await lan.docker('rm', '-f', 'prisoner');
  });
});

async function fetchLine(machine: Pick<Machine, 'run'>, address: string): Promise<string> {
  return (await machine.run('timeout', '2', 'busybox', 'nc', address, '7777')).stdout;
}
