// Ports of the host that lead to containers: every form of -p, from everywhere, through restarts.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { closeSync } from 'node:fs';
import { bindSocket } from '../../src/kernel/sockets.ts';
import { datagrams, Machine } from '../support/machines.ts';
import { fetchFrom, HOST, HOST6, NEIGHBOUR, NEIGHBOUR6, NetworkHost } from '../support/network-host.ts';
import { askSctp, kernelHasSctp, serveSctp } from '../support/sctp.ts';
import { until } from '../support/until.ts';

let lan: NetworkHost;

beforeAll(async () => {
  lan = await NetworkHost.start();
  lan.host.addAddresses('wire', '192.0.2.2/24');
});

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
});

const hasSctp = kernelHasSctp();
if (!hasSctp) console.warn('left out: this kernel has no SCTP');

const pidOf = async (name: string) => (await lan.engine.inspect(name)).State!.Pid!;

/** Sends without a pause, from one port, and knows who answered last. */
async function restlessSender(from: Machine, address: string, port: number) {
  const fd = from.visit(() => bindSocket({ protocol: 'udp', address: new Uint8Array(4), port: 0 }));
  let answer = '';
  const socket = await datagrams(fd, data => {
    answer = String(data);
  });
  const timer = setInterval(() => socket.send('x', port, address), 2);
  return {
    /** Somebody answers so from now on. */
    hears: (expected: string) => until(() => answer.startsWith(expected), { within: 5000, what: expected }),
    forget: () => {
      answer = '';
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      socket.close();
    },
  };
}

/** Answers datagrams inside a container with a word of its own. */
async function answering(container: string, word: string, port: number, family: 4 | 6 = 4): Promise<Disposable> {
  using machine = Machine.of(await pidOf(container));
  const address = new Uint8Array(family === 4 ? 4 : 16);
  const fd = machine.visit(() => bindSocket({ protocol: 'udp', address, port }));
  const socket = await datagrams(fd, (_, from, sender, self) => self.send(word, from, sender));
  return { [Symbol.dispose]: () => socket.close() };
}

describe('a sender of datagrams that never pauses', () => {
  for (const [who, machine, address] of [
    ['of another machine', () => lan.neighbour, HOST],
    ['of the host', () => lan.host, HOST],
    ['of the host by loopback', () => lan.host, '127.0.0.1'],
  ] as const) {
    test(`${who} reaches the container once it is there, and its successors`, async () => {
      using sender = await restlessSender(machine(), address, 5353);
      // It has a flow already, that leads nowhere.
      await Bun.sleep(20);
      await lan.docker('run', '-d', '--name', 'one', '-p', '5353:5353/udp', 'busybox', 'sleep', '600');
      {
        using _ = await answering('one', 'one', 5353);
        await sender.hears('one');
      }
      await lan.docker('restart', '-t', '0', 'one');
      sender.forget();
      {
        using _ = await answering('one', 'again', 5353);
        await sender.hears('again');
      }
      await lan.remove('one');
      // So that the successor has another address.
      await lan.docker('run', '-d', '--name', 'filler', 'busybox', 'sleep', '600');
      await lan.docker('run', '-d', '--name', 'two', '-p', '5353:5353/udp', 'busybox', 'sleep', '600');
      sender.forget();
      using _ = await answering('two', 'two', 5353);
      await sender.hears('two');
      await lan.remove('two', 'filler');
    });
  }

  test('reaches the container by whichever network is its way in', async () => {
    await lan.docker('network', 'create', 'aside');
    await lan.docker('run', '-d', '--name', 'mover', '-p', '5353:5353/udp', 'busybox', 'sleep', '600');
    using sender = await restlessSender(lan.neighbour, HOST, 5353);
    using _ = await answering('mover', 'still here', 5353);
    await sender.hears('still here');
    await lan.docker('network', 'connect', 'aside', 'mover');
    await lan.docker('network', 'disconnect', 'bridge', 'mover');
    sender.forget();
    await sender.hears('still here');
    await lan.remove('mover');
    await lan.docker('network', 'rm', 'aside');
  });
});

describe('every form of -p', () => {
  const shownPorts = (name: string) => lan.docker('ps', '--filter', `name=^${name}$`, '--format', '{{.Ports}}');

  test('a range leads to a range, port by port', async () => {
    await lan.docker('run', '-d', '--name', 'ranged', '-p', '9000-9002:80-82', 'busybox', 'sleep', '600');
    for (const port of [80, 81, 82]) {
      const page = `mkdir /w${port}; echo ${port} > /w${port}/index.html; httpd -p ${port} -h /w${port}`;
      await lan.exec('ranged', 'sh', '-c', page);
    }
    for (const port of [80, 81, 82]) {
      expect(await fetchFrom(lan.neighbour, `http://${HOST}:${port + 8920}/`)).toBe(String(port));
    }
    const pairs = [80, 81, 82].flatMap(port => ['0.0.0.0', '[::]'].map(at => `${at}:${port + 8920}->${port}/tcp`));
    expect(await shownPorts('ranged')).toBe(pairs.join(', '));
    const { code, stderr } = await lan.refused('run', '--rm', '-p', '9000-9001:80-82', 'busybox', 'true');
    expect({ code, stderr }).toEqual({ code: 125, stderr: expect.stringContaining('invalid ranges specified') });
    await lan.remove('ranged');
  });

  test('finds its container by the host’s port, or by the container’s', async () => {
    await lan.docker('run', '-d', '--name', 'found', '-p', '9000:80', '--expose', '70/udp', 'busybox', 'sleep', '600');
    const found = (filter: string) => lan.docker('ps', '-a', '--filter', filter, '--format', '{{.Names}}');
    for (const filter of ['publish=9000', 'publish=8999-9001/tcp', 'expose=80', 'expose=70/udp']) {
      expect([filter, await found(filter)]).toEqual([filter, 'found']);
    }
    for (const filter of ['publish=80', 'publish=9000/udp', 'publish=70/udp', 'expose=9000']) {
      expect([filter, await found(filter)]).toEqual([filter, '']);
    }
    await lan.docker('stop', '-t0', 'found');
    expect(await found('publish=9000')).toBe('');
    await lan.remove('found');
  });

  test('one port at two addresses of the host leads to two containers', async () => {
    await lan.web('first', '-p', `${HOST}:8000:80`);
    await lan.web('second', '-p', '192.0.2.2:8000:80');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8000/`)).toBe('first');
    expect(await fetchFrom(lan.neighbour, 'http://192.0.2.2:8000/')).toBe('second');
    expect(await fetchFrom(lan.host, 'http://127.0.0.1:8000/')).toBe('');
    const { stderr } = await lan.refused('run', '--rm', '-p', '8000:80', 'busybox', 'true');
    expect(stderr).toContain('failed to set up container networking: driver failed programming external connectivity');
    expect(stderr).toContain('Bind for 0.0.0.0:8000 failed: port is already allocated');
    expect(stderr).not.toContain('OCI runtime');
    await lan.remove('first', 'second');
  });

  test('an IPv6 address of the host is for IPv6 alone', async () => {
    await lan.web('six', '-p', `[${HOST6}]:8000:80`);
    expect(await fetchFrom(lan.neighbour, `http://[${HOST6}]:8000/`)).toBe('six');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8000/`)).toBe('');
    expect(await shownPorts('six')).toBe(`[${HOST6}]:8000->80/tcp`);
    await lan.remove('six');
  });

  test('an address of the host is the same however it is written', async () => {
    for (const [written, shown] of [
      ['::FFFF:127.0.0.1', '127.0.0.1'],
      ['0:0:0:0:0:0:0:1', '[::1]'],
      ['::0', '[::]'],
      [HOST6.toUpperCase(), `[${HOST6}]`],
    ] as const) {
      // Freed each time, or the last could not have it.
      await lan.web('written', '-p', `[${written}]:8000:80`);
      expect(await shownPorts('written')).toBe(`${shown}:8000->80/tcp`);
      expect(await fetchFrom(lan.host, `http://${shown.replace('[::]', '[::1]')}:8000/`)).toBe('written');
      await lan.remove('written');
    }
    await lan.web('last', '-p', '8000:80');
    await lan.remove('last');
  });

  test('TCP and UDP of one number are two ports', async () => {
    await lan.web('both', '-p', '8000:80', '-p', '8000:53/udp');
    using _ = await answering('both', 'datagram', 53);
    expect(await lan.neighbour.ask(HOST, 8000, 'x')).toBe('datagram');
    expect(await fetchFrom(lan.neighbour, `http://${HOST}:8000/`)).toBe('both');
    expect(await lan.docker('port', 'both', '53/udp')).toBe('0.0.0.0:8000\n[::]:8000');
    await lan.remove('both');
  });

  test('datagrams to the host’s IPv6 loopback reach a container with IPv4, with both, and with IPv6 alone', async () => {
    for (const families of [[], ['--ipv6'], ['--ipv6', '--ipv4=false']]) {
      await lan.docker('network', 'create', ...families, 'datagrams');
      const flags = ['-d', '--name', 'asked', '--network', 'datagrams', '-p', '8000:53/udp'];
      await lan.docker('run', ...flags, 'busybox', 'sleep', '600');
      using _ = await answering('asked', 'heard', 53, families.length > 0 ? 6 : 4);
      expect(await lan.host.ask('::1', 8000, 'x')).toBe('heard');
      await lan.remove('asked');
      await lan.docker('network', 'rm', 'datagrams');
    }
  });

  test('random ports of one address stay through a daemon’s end, and are others after a restart of the container', async () => {
    await lan.web('random', '-p', '127.0.0.1::80', '-p', '127.0.0.1:8000-8001:80');
    const before = await lan.docker('port', 'random');
    expect(before).toMatch(/^80\/tcp -> 127\.0\.0\.1:\d+\n80\/tcp -> 127\.0\.0\.1:\d+$/);
    expect(before).toContain('127.0.0.1:8000');
    await lan.engine.kill();
    await lan.engine.start();
    expect(await lan.docker('port', 'random')).toBe(before);
    await lan.remove('random');
  });

  test('SCTP is translated, and opened in the container’s network', async () => {
    await lan.docker('run', '-d', '--name', 'sctp', '-p', '8000:80/sctp', 'busybox', 'sleep', '600');
    const address = await lan.address('sctp', 'bridge');
    if (lan.firewall === 'nftables') {
      const rules = await lan.host.output('nft', 'list', 'ruleset');
      expect(rules).toContain(`sctp . 8000 : ${address} . 80`);
      expect(rules).toContain(`${address} . sctp . 80`);
    } else {
      const rules = await lan.host.output(`${lan.firewall}-save`);
      expect(rules).toContain(`-p sctp -m sctp --dport 8000 -j DNAT --to-destination ${address}:80`);
      expect(rules).toContain(`-d ${address}/32 -p sctp -m sctp --dport 80 -j ACCEPT`);
    }
    const { stderr } = await lan.refused('run', '--rm', '-p', '8000:80/sctp', 'busybox', 'true');
    expect(stderr).toContain('port is already allocated');
    await lan.remove('sctp');
  });

  test.skipIf(!hasSctp)('SCTP comes from everywhere', async () => {
    await lan.docker('network', 'create', '--ipv6', 'streams');
    await lan.docker(
      'run',
      '-d',
      '--name',
      'sctp',
      '--network',
      'streams',
      '-p',
      '8000:80/sctp',
      'busybox',
      'sleep',
      '600',
    );
    await lan.docker('run', '-d', '--name', 'asker', 'busybox', 'sleep', '600');
    using inside = Machine.of(await pidOf('sctp'));
    using asker = Machine.of(await pidOf('asker'));
    using _4 = serveSctp(inside, '0.0.0.0', 80, 'four');
    using _6 = serveSctp(inside, '::', 80, 'six');
    const everywhere = async () => {
      for (const from of [lan.neighbour, lan.host, inside, asker]) {
        expect(await askSctp(from, HOST, 8000, 'hello')).toBe('four: hello');
      }
      expect(await askSctp(lan.host, '127.0.0.1', 8000, 'hello')).toBe('four: hello');
      expect(await askSctp(lan.neighbour, HOST6, 8000, 'hello')).toBe('six: hello');
      expect(await askSctp(lan.host, '::1', 8000, 'hello')).toBe('six: hello');
    };
    await everywhere();
    await lan.engine.kill();
    expect(await askSctp(lan.neighbour, HOST, 8000, 'hello')).toBe('four: hello');
    await lan.engine.start();
    await everywhere();
    using theirs = new DisposableStack();
    const fd = lan.host.visit(() => bindSocket({ protocol: 'sctp', address: new Uint8Array(4), port: 8002 }));
    theirs.defer(() => closeSync(fd));
    const { stderr } = await lan.refused('run', '--rm', '-p', '8002:80/sctp', 'busybox', 'true');
    expect(stderr).toContain('failed to bind host port 0.0.0.0:8002/sctp: address already in use');
    await lan.remove('sctp', 'asker');
    await lan.docker('network', 'rm', 'streams');
    expect(await askSctp(lan.neighbour, HOST, 8000, 'hello')).toBe('');
  });

  test('the container sees who asks: another machine, a container of another network, by both families', async () => {
    await lan.docker('network', 'create', '--ipv6', 'aside');
    await lan.web('seen', '--network', 'aside', '-p', '8000:80');
    await lan.web('asker');
    const who = (where: { run(...command: string[]): ReturnType<typeof lan.refused> }, host: string) =>
      fetchFrom(where, `http://${host}:8000/cgi-bin/who`);
    expect(await who(lan.neighbour, HOST)).toContain(NEIGHBOUR);
    expect(await who(lan.neighbour, `[${HOST6}]`)).toContain(NEIGHBOUR6);
    // Of networks beside each other it is the host that asks, as with Docker.
    expect(await fetchFrom(lan.inside('asker'), `http://${HOST}:8000/`)).toBe('seen');
    expect(await fetchFrom(lan.inside('seen'), `http://${HOST}:8000/`)).toBe('seen');
    await lan.remove('seen', 'asker');
    await lan.docker('network', 'rm', 'aside');
  });
});

test('a port that a helper carries is free for the next as soon as its container has gone, and goes with it to other networks', async () => {
  const viaHelper = () => fetchFrom(lan.host, 'http://[::1]:8300/');
  await lan.docker('network', 'create', 'elsewhere');
  for (const name of ['helped1', 'helped2', 'helped3']) {
    await lan.web(name, '-p', '8300:80');
    expect(await viaHelper()).toBe(name);
    await lan.docker('network', 'connect', '--gw-priority', '1', 'elsewhere', name);
    expect(await viaHelper()).toBe(name);
    await lan.docker('network', 'disconnect', 'bridge', name);
    expect(await viaHelper()).toBe(name);
    await lan.docker('restart', '-t', '0', name);
    await until(async () => (await viaHelper()) === name);
    await lan.remove(name);
  }
  await lan.docker('network', 'rm', 'elsewhere');
});
