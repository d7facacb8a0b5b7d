// The rules by iptables, of both kinds, with real traffic: what nf_tables does, a host without it does too. What is the same
// for both is tested in the other files; DOCKYARD_TEST_FIREWALL has them run with one of these, too.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { startEngine } from '../support/engine.ts';
import { hasNftables, iptablesKinds, iptablesTraces } from '../support/firewalls.ts';
import type { Machine } from '../support/machines.ts';
import { fetchFrom, HOST, HOST6, NEIGHBOUR, NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';

if (hasNftables) console.warn('left out: this kernel has nf_tables, and nothing shows what an engine does without');

const option = (name: string, value: string) => ['-o', `com.docker.network.${name}=${value}`];

/** Refusals take their time; they are asked for side by side. */
async function expectNothing(...asked: [from: Pick<Machine, 'run'>, url: string][]): Promise<void> {
  const answers = await Promise.all(asked.map(async ([from, url]) => `${url}: ${await fetchFrom(from, url)}`));
  expect(answers).toEqual(asked.map(([, url]) => `${url}: `));
}

describe.each(iptablesKinds)('%s', kind => {
  let lan: NetworkHost;

  beforeAll(async () => {
    lan = await NetworkHost.start({
      firewall: kind,
      beforeStart: host => {
        host.setSysctl('net/ipv4/ip_forward', '0');
        host.setSysctl('net/ipv6/conf/all/forwarding', '0');
      },
    });
    await lan.docker('network', 'create', '--subnet', '10.61.0.0/24', '--ipv6', '--subnet', 'fd61::/64', 'front');
    await lan.docker('network', 'create', '--subnet', '10.62.0.0/24', 'back');
    await lan.docker('network', 'create', '--internal', '--subnet', '10.63.0.0/24', 'hidden');
    const routed = [...option('bridge.gateway_mode_ipv4', 'routed'), ...option('bridge.enable_icc', 'false')];
    await lan.docker('network', 'create', '--subnet', '10.64.0.0/24', ...routed, 'routed');
    for (const subnet of [61, 62, 63, 64]) lan.neighbour.addRoute(`10.${subnet}.0.0/24`, HOST);
    lan.neighbour.addRoute('fd61::/64', HOST6);
    await lan.web('web', '--network', 'front', '--ip', '10.61.0.10', '--ip6', 'fd61::10', '-p', '8080:80');
    await lan.web('other', '--network', 'front', '--cap-add', 'NET_ADMIN', '-p', '127.0.0.1:8081:80');
    await lan.web('away', '--network', 'back', '--ip', '10.62.0.10');
    await lan.web('closed', '--network', 'hidden', '--ip', '10.63.0.10', '--cap-add', 'NET_ADMIN');
    await lan.web('open', '--network', 'routed', '--ip', '10.64.0.10', '-p', '80');
    await lan.web('shut', '--network', 'routed', '--ip', '10.64.0.11');
  });

  afterAll(async () => {
    await lan?.[Symbol.asyncDispose]();
  });

  test('is what docker info names, and there is nothing in nf_tables’ own tables', async () => {
    expect(await lan.docker('info', '-f', '{{.FirewallBackend.Driver}}')).toBe('iptables');
    expect(lan.tables()).toEqual([]);
    expect((await iptablesTraces(lan.host, kind)).length).toBeGreaterThan(20);
  });

  test('published ports are reached from everywhere by the host’s address, and the container sees who asks', async () => {
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/cgi-bin/who`)).toContain(NEIGHBOUR);
    expect(await fetchFrom(lan.neighbour, `http://[${HOST6}]:8080/`)).toBe('web');
    expect(await fetchFrom(lan.host, 'http://127.0.0.1:8080/')).toBe('web');
    expect(await fetchFrom(lan.host, `http://[${HOST6}]:8080/`)).toBe('web');
    for (const container of ['web', 'other', 'away']) {
      expect(await fetchFrom(lan.inside(container), `http://${HOST}:8080/`)).toBe('web');
    }
    expect(await fetchFrom(lan.host, 'http://127.0.0.1:8081/')).toBe('other');
  });

  test('all else is closed: direct access, other networks, ports of the loopback, internal networks', async () => {
    await lan.exec('closed', 'ip', 'route', 'add', 'default', 'via', '10.63.0.1');
    await expectNothing(
      [lan.neighbour, 'http://10.61.0.10/'],
      [lan.neighbour, 'http://[fd61::10]/'],
      [lan.neighbour, `http://${HOST}:8081/`],
      [lan.neighbour, 'http://10.63.0.10/'],
      [lan.inside('web'), 'http://10.62.0.10/'],
      [lan.inside('web'), 'http://10.63.0.10/'],
      [lan.inside('away'), `http://${HOST}:8081/`],
      [lan.inside('away'), 'http://10.61.0.10/'],
      [lan.inside('closed'), `http://${HOST}:8080/`],
    );
    expect(await lan.exec('web', 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
    expect(await lan.exec('closed', 'ping', '-c1', '-W1', NEIGHBOUR)).not.toContain('1 packets received');
  });

  test('a routed network has its own addresses; without icc its containers do not reach each other', async () => {
    expect(await fetchFrom(lan.neighbour, 'http://10.64.0.10/cgi-bin/who')).toContain(NEIGHBOUR);
    expect((await lan.neighbour.run('busybox', 'ping', '-c1', '-W2', '10.64.0.11')).code).toBe(0);
    await expectNothing([lan.neighbour, 'http://10.64.0.11/'], [lan.inside('open'), 'http://10.64.0.11/']);
  });

  test('names are found on networks of one’s own, by UDP and TCP', async () => {
    expect(await fetchFrom(lan.inside('web'), 'http://other/')).toBe('other');
    expect(await lan.exec('web', 'nslookup', 'away')).not.toContain('10.62.0.10');
  });

  test('rules that somebody flushed are there again after the next change', async () => {
    const rules = async () => (await lan.host.output(`${kind}-save`)).replace(/^#.*$|\[\d+:\d+\]/gm, '');
    const sorted = async () => (await rules()).split('\n').sort();
    const before = await sorted();
    for (const table of ['filter', 'nat', 'mangle']) await lan.host.output(kind, '-t', table, '-F');
    await lan.docker('run', '--rm', '-p', '8088:80', 'busybox', 'true');
    expect((await sorted()).filter(line => line.includes('10.61.0.10'))).toEqual(
      before.filter(line => line.includes('10.61.0.10')),
    );
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('web');
    await expectNothing([lan.neighbour, 'http://10.61.0.10/'], [lan.inside('web'), 'http://10.62.0.10/']);
    // With the chains, too.
    const nothing = ['filter', 'nat', 'mangle'].map(table => `*${table}\\nCOMMIT\\n`).join('');
    await lan.host.output('sh', '-c', `printf '${nothing}' | ${kind}-restore`);
    await lan.docker('run', '--rm', '-p', '8088:80', 'busybox', 'true');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('web');
  });

  test('and come back by themselves where nothing else changes', async () => {
    const ours = async () => (await iptablesTraces(lan.host, kind)).sort();
    const before = await ours();
    const areBack = () => until(async () => Bun.deepEquals(await ours(), before), { within: 20_000 });
    for (const table of ['filter', 'nat', 'mangle']) await lan.host.output(kind, '-t', table, '-F');
    await areBack();
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('web');
    // Of one of our own chains alone, all is led there still.
    const [, chain = ''] = /^-A (dockyard-\w+-published) /m.exec(before.join('\n'))!;
    await lan.host.output(kind, '-F', chain);
    expect(await ours()).not.toEqual(before);
    await areBack();
    expect(lan.engine.log).toContain('somebody has taken rules of the engine away');
  });

  test('what people of the host forbid in DOCKER-USER holds', async () => {
    for (const args of [
      ['-N', 'DOCKER-USER'],
      ['-I', 'FORWARD', '-j', 'DOCKER-USER'],
      ['-A', 'DOCKER-USER', '-s', NEIGHBOUR, '-j', 'DROP'],
    ]) {
      await lan.host.output(kind, ...args);
    }
    await lan.engine.restart();
    await expectNothing([lan.neighbour, `http://${HOST}:8080/`]);
    expect(await lan.host.output(kind, '-S', 'FORWARD')).toMatch(
      /^-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n-A FORWARD -j dockyard-\w+-drops\n-A FORWARD -j dockyard-\w+-forward$/,
    );
    await lan.host.output(kind, '-F', 'DOCKER-USER');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('web');
  });

  test('a dead engine leaves what runs as it was; the next has no rule too many, and names again', async () => {
    const before = await iptablesTraces(lan.host, kind);
    await lan.docker('run', '-d', '--name', 'brief', '--network', 'front', '-p', '8089:80', 'busybox', 'sleep', '600');
    const pid = (await lan.engine.inspect('brief')).State!.Pid!;
    await lan.engine.kill();
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('web');
    process.kill(pid, 'SIGKILL');
    await lan.engine.start();
    expect((await iptablesTraces(lan.host, kind)).sort()).toEqual(before.sort());
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('web');
    await until(async () => (await fetchFrom(lan.inside('web'), 'http://other/')) === 'other');
    await lan.remove('brief');
  });

  test.skipIf(!hasNftables)(
    'an engine that is told to use nf_tables takes all of it away, and the other way round',
    async () => {
      const restartWith = async (backend: string) => {
        await lan.engine.kill();
        (lan.engine.options.config as Record<string, unknown>)['firewall-backend'] = backend;
        await lan.engine.start();
      };
      await restartWith('nftables');
      expect(await iptablesTraces(lan.host, kind)).toEqual([]);
      expect(lan.tables()).toHaveLength(1);
      expect(await lan.docker('info', '-f', '{{.FirewallBackend.Driver}}')).toBe('nftables');
      expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('web');
      await until(async () => (await fetchFrom(lan.inside('web'), 'http://other/')) === 'other');
      // The host routes for no strangers still.
      expect(await lan.host.output('nft', 'list', 'ruleset')).toMatch(/chain strangers \{[^}]*policy drop/);
      await restartWith('iptables');
      expect(lan.tables()).toEqual([]);
      expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('web');
      await until(async () => (await fetchFrom(lan.inside('web'), 'http://other/')) === 'other');
      expect(await lan.host.output(kind, '-S', 'FORWARD')).toContain('-P FORWARD DROP');
    },
  );

  test('at the end nothing is left', async () => {
    await lan.remove('web', 'other', 'away', 'closed', 'open', 'shut');
    await lan.docker('network', 'rm', 'front', 'back', 'hidden', 'routed');
    await lan.engine.stop();
    expect(await iptablesTraces(lan.host, kind)).toEqual([]);
    expect(lan.interfaces()).toEqual([]);
    expect(await lan.host.output(kind, '-S', 'FORWARD')).not.toContain('-P FORWARD DROP');
  });
});

describe('a host without the programs is told so at the engine’s start', () => {
  const programs = 'iptables-restore and iptables-save and ip6tables-restore and ip6tables-save';
  const engineWithout = (...flags: string[]) =>
    startEngine({
      start: false,
      flags,
      // For the eyes of this engine alone.
      through: ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs nothing /usr/sbin && exec "$@"', 'sh'],
    });

  test('when it is to use them', async () => {
    await using engine = await engineWithout('--firewall-backend=iptables');
    await expect(engine.start()).rejects.toThrow(
      `firewall-backend is set to iptables, but ${programs} can not be found: install iptables`,
    );
  });

  test.skipIf(hasNftables)('when there is no nf_tables either', async () => {
    await using engine = await engineWithout();
    await expect(engine.start()).rejects.toThrow(
      `the kernel has no nf_tables, and ${programs} that can do without can not be found: install iptables (iptables-legacy), or start with --iptables=false --ip6tables=false`,
    );
    await using refused = await engineWithout('--firewall-backend=nftables');
    await expect(refused.start()).rejects.toThrow('the kernel has no nf_tables: use iptables instead');
    await using unfiltered = await engineWithout('--iptables=false', '--ip6tables=false');
    await unfiltered.start();
    expect(await unfiltered.output('info', '-f', '{{.FirewallBackend}}')).toBe('<nil>');
  });
});

test.skipIf(hasNftables)(
  'a kernel without nf_tables gets its rules by iptables that does without, unasked',
  async () => {
    // The host's own choice is the newer one, as on most.
    await using lan = await NetworkHost.start();
    expect(lan.engine.log).toContain('the kernel has no nf_tables: the rules of networks are made by iptables');
    expect(await lan.docker('info', '-f', '{{.FirewallBackend.Driver}}')).toBe('iptables');
    await lan.web('web', '-p', '8080:80');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)).toBe('web');
    expect((await iptablesTraces(lan.host, 'iptables-legacy')).length).toBeGreaterThan(0);
  },
);
