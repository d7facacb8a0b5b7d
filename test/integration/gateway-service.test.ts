// Containers on networks of plugins that give no gateway: the engine's own bridge leads them out.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { Machine } from '../support/machines.ts';
import { fetchFrom, HOST, NEIGHBOUR, NetworkHost } from '../support/network-host.ts';
import { networkPlugin } from '../support/network-plugin.ts';
import type { TestPlugin } from '../support/plugin.ts';
import { until } from '../support/until.ts';

let lan: NetworkHost;

describe('a container whose plugin gives no gateway', () => {
  const GATEWAYS = 'docker_gwbridge';
  let bare: TestPlugin;
  const join = (request: Record<string, unknown>) => ({
    InterfaceName: { SrcName: `pi-${String(request['EndpointID']).slice(0, 8)}`, DstPrefix: 'plug' },
  });
  const links = async (name: string) => (await lan.exec(name, 'ls', '/sys/class/net')).split(/\s+/);
  const gateways = async () =>
    (await lan.engine.api.get(`/networks/${GATEWAYS}`)).ok.json<{
      Options: Record<string, string>;
      Containers: Record<string, { Name: string; IPv4Address: string }>;
    }>();

  /** The host's ends of those that have it. */
  const plugged = () => {
    const { index } = lan.host.route.link(GATEWAYS);
    return lan.host.route.links().filter(({ master }) => master === index);
  };

  beforeAll(async () => {
    lan = await NetworkHost.start();
    bare = networkPlugin(lan.engine, lan.host, 'bare', { Join: join });
    await lan.docker('network', 'create', '-d', 'bare', '--subnet', '10.79.0.0/24', '--label', 'keep', 'bare1');
  });
  afterAll(async () => {
    await lan?.[Symbol.asyncDispose]();
    await bare?.[Symbol.asyncDispose]();
  });

  test('has the engine’s way out, by which its ports are published, too', async () => {
    expect(await lan.docker('network', 'ls', '-q', '--filter', `name=${GATEWAYS}`)).toBe('');
    await lan.web('g1', '--network', 'bare1', '-p', '8090:80');
    await lan.web('g2', '--network', 'bare1');
    const { Options, Containers } = await gateways();
    expect(Options).toEqual({
      'com.docker.network.bridge.name': GATEWAYS,
      'com.docker.network.bridge.enable_icc': 'false',
      'com.docker.network.bridge.enable_ip_masquerade': 'true',
    });
    expect(lan.interfaces()).toContain(GATEWAYS);
    const { Id, NetworkSettings } = await lan.engine.inspect('g1');
    expect(Containers[Id!]!.Name).toBe(`gateway_${NetworkSettings!.SandboxID!.slice(0, 12)}`);
    expect(Object.keys(NetworkSettings!.Networks!)).toEqual(['bare1']);
    expect(NetworkSettings!.Ports!['80/tcp']).toContainEqual({ HostIp: '0.0.0.0', HostPort: '8090' });
    expect(await links('g1')).toEqual(['eth0', 'lo', 'plug0']);
    expect(await lan.exec('g1', 'ip', 'route')).toContain('dev eth0');
    // Out, with the host's address, and in.
    using _ = await lan.neighbour.echo(NEIGHBOUR, 7000);
    using inside = Machine.of((await lan.engine.inspect('g1')).State!.Pid!);
    expect(await inside.ask(NEIGHBOUR, 7000, 'from')).toBe(`from ${HOST}`);
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8090/`)).toBe('g1');
    // Neighbours know and reach each other on their own network only.
    expect(await fetchFrom(lan.inside('g2'), 'http://g1/')).toBe('g1');
    expect(await lan.exec('g1', 'cat', '/etc/hosts')).not.toContain(Containers[Id!]!.IPv4Address.split('/')[0]!);
    expect(await fetchFrom(lan.inside('g2'), `http://${Containers[Id!]!.IPv4Address.split('/')[0]}/`)).toBe('');
    expect((await lan.refused('network', 'rm', GATEWAYS)).stderr).toContain('has active endpoints');
    await lan.remove('g1', 'g2');
    expect((await gateways()).Containers).toEqual({});
    await lan.docker('network', 'rm', GATEWAYS);
    expect(lan.interfaces()).not.toContain(GATEWAYS);
  });

  test('leaves it for a network that leads out, and comes back', async () => {
    await lan.docker('network', 'create', 'way');
    await lan.web('g3', '--network', 'bare1', '-p', '8091:80');
    expect(await links('g3')).toEqual(['eth0', 'lo', 'plug0']);
    await lan.docker('network', 'connect', 'way', 'g3');
    await until(async () => !(await links('g3')).some(name => name === 'eth0' || name.startsWith('gone-')));
    expect((await gateways()).Containers).toEqual({});
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8091/`)).toBe('g3');
    await lan.docker('network', 'disconnect', 'way', 'g3');
    expect(Object.keys((await gateways()).Containers)).toHaveLength(1);
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8091/`)).toBe('g3');
    await lan.docker('network', 'disconnect', 'bare1', 'g3');
    expect((await gateways()).Containers).toEqual({});
    await lan.remove('g3');
    await lan.docker('network', 'rm', 'way', GATEWAYS);
  });

  test('keeps it when the engine dies; one that ended meanwhile leaves nothing', async () => {
    await lan.web('g4', '--network', 'bare1', '-p', '8092:80');
    await lan.web('g5', '--network', 'bare1', '-p', '8093:80');
    const pid = (await lan.engine.inspect('g5')).State!.Pid!;
    expect(plugged()).toHaveLength(2);
    await lan.engine.kill();
    process.kill(pid, 'SIGKILL');
    await lan.engine.start();
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8092/`)).toBe('g4');
    await until(() => plugged().length === 1);
    expect(Object.keys((await gateways()).Containers)).toHaveLength(1);
    await lan.docker('restart', '-t', '0', 'g4');
    expect(await links('g4')).toEqual(['eth0', 'lo', 'plug0']);
    await lan.remove('g4', 'g5');
    await lan.docker('network', 'prune', '-f', '--filter', 'label!=keep');
    expect(lan.interfaces()).not.toContain(GATEWAYS);
  });

  test('has the one that somebody has made under that name', async () => {
    const options = ['--subnet', '10.80.0.0/24', '-o', 'com.docker.network.bridge.name=ways0'];
    await lan.docker('network', 'create', ...options, GATEWAYS);
    await lan.docker('run', '-d', '--name', 'g7', '--network', 'bare1', 'busybox', 'sleep', '600');
    expect(await lan.exec('g7', 'ip', 'route')).toContain('default via 10.80.0.1 dev eth0');
    expect(lan.interfaces()).not.toContain(GATEWAYS);
    // Whoever joins it by name leads out by it as well, and then needs no other way.
    await lan.docker('network', 'connect', GATEWAYS, 'g7');
    expect(Object.values((await gateways()).Containers).map(({ Name }) => Name)).toEqual(['g7']);
    await lan.remove('g7');
    await lan.docker('network', 'rm', GATEWAYS);
  });

  test.each<[string, string[], Record<string, unknown>]>([
    ['an internal network', ['--internal'], {}],
    ['a plugin that wants none', [], { DisableGatewayService: true }],
    ['a route of its own to everywhere', [], { StaticRoutes: [{ Destination: '0.0.0.0/0', RouteType: 1 }] }],
  ])('has none with %s', async (_, flags, more) => {
    await using other = networkPlugin(lan.engine, lan.host, 'other', {
      Join: request => ({ ...join(request), ...more }),
    });
    await lan.docker('network', 'create', '-d', 'other', ...flags, 'alone');
    await lan.docker('run', '-d', '--name', 'g6', '--network', 'alone', 'busybox', 'sleep', '600');
    expect(other.methods).toContain('Join');
    expect(await links('g6')).toEqual(['lo', 'plug0']);
    expect(await lan.docker('network', 'ls', '-q', '--filter', `name=${GATEWAYS}`)).toBe('');
    await lan.remove('g6');
    await lan.docker('network', 'rm', 'alone');
  });
});
