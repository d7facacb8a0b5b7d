// The embedded name server, spoken to in its own language from a container's namespace.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, closeSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { bindSocket, connectStream, enlargeReceiveBuffer } from '../../src/kernel/sockets.ts';
import { connectSocket } from '../../src/lib/socket.ts';
import { addressBytes, requireAddress } from '../../src/network/addresses.ts';
import { firstMessage, framed, parseQuery, RCODE, TYPE, writeResponse } from '../../src/network/dns/message.ts';
import { NameServer, type Names } from '../../src/network/dns/server.ts';
import { SandboxNamespace } from '../../src/network/sandbox.ts';
import { Random } from '../chaos/random.ts';
import { hasNftables, pathWith } from '../support/firewalls.ts';
import { datagrams, Machine } from '../support/machines.ts';
import { NEIGHBOUR, NetworkHost } from '../support/network-host.ts';
import { run } from '../support/process.ts';
import { until } from '../support/until.ts';

const SERVER = '127.0.0.11';
let lan: NetworkHost;
let asker: Machine;

beforeAll(async () => {
  lan = await NetworkHost.start();
  await lan.docker('network', 'create', '--ipv6', 'here');
  await lan.docker('network', 'create', 'there');
  const sleeper = (network: string, name: string, ...flags: string[]) =>
    lan.docker('run', '-d', '--name', name, '--network', network, ...flags, 'busybox', 'sleep', '600');
  await sleeper('here', 'asker');
  await sleeper('here', 'friend', '--network-alias', 'pal', '--hostname', 'box');
  await sleeper('there', 'stranger', '--network-alias', 'hidden');
  asker = Machine.of((await lan.engine.inspect('asker')).State!.Pid!);
});

afterAll(async () => {
  asker?.[Symbol.dispose]();
  await lan?.[Symbol.asyncDispose]();
});

function question(id: number, name: string, type: number, extra: Uint8Array = Buffer.alloc(0)): Buffer {
  const labels = name.split('.').map(label => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]));
  const header = Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, extra.length > 0 ? 1 : 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, type, 0, 1]), extra]);
}

/** Says how large an answer may be (EDNS). */
const takes = (size: number) => Buffer.from([0, 0, TYPE.OPT, size >> 8, size & 0xff, 0, 0, 0, 0, 0, 0]);

const resultOf = (answer: Buffer) => ({
  id: answer.readUInt16BE(0),
  rcode: answer[3]! & 15,
  truncated: (answer[2]! & 2) !== 0,
  answers: answer.readUInt16BE(6),
});

/** All from one socket; resolves when so many answers have come. */
async function askAll(machine: Machine, packets: readonly Buffer[], expected = packets.length): Promise<Buffer[]> {
  const fd = machine.visit(() => bindSocket({ protocol: 'udp', address: new Uint8Array(4), port: 0 }));
  enlargeReceiveBuffer(fd);
  const answers: Buffer[] = [];
  const socket = await datagrams(fd, data => void answers.push(Buffer.from(data)));
  try {
    for (const packet of packets) socket.send(packet, 53, SERVER);
    await until(() => answers.length >= expected, {
      within: 10_000,
      what: () => `${expected} answers, not ${answers.length}`,
    });
    return answers;
  } finally {
    socket.close();
  }
}

const ask = async (name: string, type: number = TYPE.A, extra?: Uint8Array) =>
  resultOf((await askAll(asker, [question(7, name, type, extra)]))[0]!);

/** The messages that come back on one connection before it is closed, or until there are enough. */
async function askByTcp(bytes: Uint8Array, expected: number): Promise<Buffer[]> {
  const stream = await connectSocket({
    fd: asker.visit(() => connectStream(addressBytes(requireAddress(SERVER)), 53)),
  });
  const timer = setTimeout(() => stream.destroy(), 10_000);
  try {
    void stream.write(bytes);
    const messages: Buffer[] = [];
    let received = Buffer.alloc(0);
    for await (const chunk of stream.input) {
      received = Buffer.concat([received, chunk]);
      for (let message = firstMessage(received); message; message = firstMessage(received)) {
        messages.push(Buffer.from(message));
        received = received.subarray(2 + message.length);
      }
      if (messages.length >= expected) break;
    }
    return messages;
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
}

describe('answers', () => {
  test('both families at once from one socket, as musl asks; a family without an address is an empty answer', async () => {
    await lan.docker('network', 'create', '--subnet', '10.90.0.0/24', 'four');
    await lan.docker('run', '-d', '--name', 'four1', '--network', 'four', 'busybox', 'sleep', '600');
    using machine = Machine.of((await lan.engine.inspect('four1')).State!.Pid!);
    const pair = await askAll(machine, [question(1, 'four1', TYPE.A), question(2, 'four1', TYPE.AAAA)]);
    const results = pair.map(resultOf).sort((a, b) => a.id - b.id);
    expect(results.map(({ rcode, answers }) => ({ rcode, answers }))).toEqual([
      { rcode: RCODE.ok, answers: 1 },
      { rcode: RCODE.ok, answers: 0 },
    ]);
    await lan.docker('rm', '-f', 'four1');
    await lan.docker('network', 'rm', 'four');
  });

  test('for every name of a container, with and without the network’s, in any case, by both families', async () => {
    const id = (await lan.engine.inspect('friend')).Id!.slice(0, 12);
    for (const name of ['friend', 'pal', 'box', id, 'FRIEND', 'friend.here', 'Pal.Here']) {
      for (const type of [TYPE.A, TYPE.AAAA]) {
        expect({ name, ...(await ask(name, type)) }).toMatchObject({ name, rcode: RCODE.ok, answers: 1 });
      }
    }
    expect(await ask('friend', TYPE.MX)).toMatchObject({ rcode: RCODE.ok, answers: 0 });
  });

  test('of other networks there are none, by name, alias, address or with the network’s name', async () => {
    const address = await lan.address('stranger', 'there');
    const pointer = `${address.split('.').reverse().join('.')}.in-addr.arpa`;
    for (const name of ['stranger', 'hidden', 'stranger.there', 'hidden.there']) {
      expect((await ask(name)).answers).toBe(0);
    }
    expect((await ask(pointer, TYPE.PTR)).answers).toBe(0);
  });

  test('that are too large are cut by UDP, whole with EDNS, and whole by TCP', async () => {
    const { api } = lan.engine;
    const names = Array.from({ length: 36 }, (_, index) => `many${index}`);
    await Promise.all(
      names.map(async name => {
        const body = {
          Image: 'busybox',
          Cmd: ['sleep', '600'],
          HostConfig: { NetworkMode: 'here' },
          NetworkingConfig: { EndpointsConfig: { here: { Aliases: ['crowd'] } } },
        };
        (await api.post(`/containers/create?name=${name}`, body)).ok;
        (await api.post(`/containers/${name}/start`)).ok;
      }),
    );
    const small = await ask('crowd');
    expect(small.truncated).toBe(true);
    expect(small.answers).toBeGreaterThan(20);
    expect(await ask('crowd', TYPE.A, takes(1400))).toMatchObject({ truncated: false, answers: 36 });
    const [whole] = await askByTcp(framed(question(9, 'crowd', TYPE.A)), 1);
    expect(resultOf(whole!)).toMatchObject({ id: 9, truncated: false, answers: 36 });
    await Promise.all(names.map(async name => (await api.delete(`/containers/${name}?force=1`)).ok));
    expect((await ask('crowd')).answers).toBe(0);
  });

  test('several questions on one connection, in pieces', async () => {
    const bytes = Buffer.concat([1, 2, 3].map(id => framed(question(id, 'friend', TYPE.A))));
    const answers = await askByTcp(bytes, 3);
    expect(answers.map(resultOf).map(({ id, answers: count }) => [id, count])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
  });

  test('a thousand questions at once are all answered', async () => {
    const packets = Array.from({ length: 1000 }, (_, id) => question(id, 'friend', TYPE.A));
    const answers = await askAll(asker, packets);
    expect(new Set(answers.map(answer => resultOf(answer).id)).size).toBe(1000);
    expect(answers.every(answer => resultOf(answer).answers === 1)).toBe(true);
  });
});

describe('what is no plain question of the internet', () => {
  const answerTo = async (packet: Buffer) => (await askAll(asker, [packet]))[0]!;
  const askedOf = (id: number, name: string, type: number, at: 'flags' | 'questions' | 'class', value: number) => {
    const packet = question(id, name, type);
    packet.writeUInt16BE(value, { flags: 2, questions: 4, class: packet.length - 2 }[at]);
    return packet;
  };

  test('has an answer that says what is wrong with it, by UDP and TCP', async () => {
    const notify = askedOf(21, 'friend', TYPE.A, 'flags', 0x2100);
    const two = askedOf(22, 'friend', TYPE.A, 'questions', 2);
    const futureOptions = takes(1232);
    futureOptions[6] = 1;
    const future = question(23, 'friend', TYPE.A, futureOptions);
    expect(resultOf(await answerTo(notify))).toMatchObject({ id: 21, rcode: RCODE.notImplemented });
    expect(resultOf(await answerTo(two))).toMatchObject({ id: 22, rcode: RCODE.formatError });
    const refusal = await answerTo(future);
    // The upper bits of what was wrong are in the options.
    expect([resultOf(refusal).id, refusal.at(-6), refusal.readUInt16BE(10)]).toEqual([23, 1, 1]);
    const byTcp = await askByTcp(Buffer.concat([notify, two, question(24, 'friend', TYPE.A)].map(framed)), 3);
    expect(byTcp.map(resultOf).map(({ id, rcode }) => [id, rcode])).toEqual([
      [21, RCODE.notImplemented],
      [22, RCODE.formatError],
      [24, RCODE.ok],
    ]);
    // What is an answer has none, nor has a message of no length, which ends its connection.
    await askAll(asker, [askedOf(25, 'friend', TYPE.A, 'flags', 0x8180), question(26, 'friend', TYPE.A)], 1).then(
      answers => expect(answers.map(answer => resultOf(answer).id)).toEqual([26]),
    );
    expect(await askByTcp(Buffer.concat([Buffer.of(0, 0), framed(question(27, 'friend', TYPE.A))]), 2)).toEqual([]);
  });

  test('is answered for any class and any type, with what there is', async () => {
    expect(resultOf(await answerTo(askedOf(31, 'friend', TYPE.A, 'class', 255)))).toMatchObject({ id: 31, answers: 1 });
    expect(resultOf(await answerTo(question(32, 'friend', TYPE.ANY)))).toMatchObject({ id: 32, answers: 2 });
    // Whoever says what fits is answered in kind.
    const answer = await answerTo(question(33, 'friend', TYPE.A, takes(1232)));
    expect([resultOf(answer).answers, answer.readUInt16BE(10)]).toEqual([1, 1]);
  });
});

describe('what is malformed', () => {
  const descriptors = () => readdirSync(`/proc/${lan.engine.pid}/fd`).length;

  test('changes nothing: noise, and questions with a few bytes changed', async () => {
    const random = new Random(42);
    const before = descriptors();
    const noise = Array.from({ length: 2000 }, () => {
      if (random.between(0, 1) === 0) {
        return Buffer.from(Array.from({ length: random.between(0, 300) }, () => random.between(0, 255)));
      }
      const packet = question(random.between(0, 65535), 'friend.here', TYPE.A, takes(random.between(0, 65535)));
      for (let i = random.between(1, 4); i > 0; i--)
        packet[random.between(0, packet.length - 1)] = random.between(0, 255);
      return packet.subarray(0, random.between(1, packet.length));
    });
    await askAll(
      asker,
      noise.filter(packet => packet.length > 0),
      0,
    );
    for (let i = 0; i < 20; i++) {
      const bytes = Buffer.concat(noise.slice(i * 50, i * 50 + 50));
      // Whatever it is taken for: the connection ends, or waits for more.
      const stream = await connectSocket({
        fd: asker.visit(() => connectStream(addressBytes(requireAddress(SERVER)), 53)),
      });
      await stream.write(bytes);
      stream.destroy();
    }
    expect(await ask('friend')).toMatchObject({ rcode: RCODE.ok, answers: 1 });
    expect(resultOf((await askByTcp(framed(question(5, 'friend', TYPE.A)), 1))[0]!).answers).toBe(1);
    await until(() => descriptors() <= before + 5, {
      within: 20_000,
      what: () => `${before} descriptors, not ${descriptors()}`,
    });
  });

  test('and connections that say nothing keep nobody else from an answer', async () => {
    const open = () =>
      connectSocket({ fd: asker.visit(() => connectStream(addressBytes(requireAddress(SERVER)), 53)) });
    const silent = await Promise.all(Array.from({ length: 50 }, open));
    try {
      expect(resultOf((await askByTcp(framed(question(5, 'friend', TYPE.A)), 1))[0]!).answers).toBe(1);
    } finally {
      for (const stream of silent) stream.destroy();
    }
  });

  test('and a container has no more connections than its share, whatever it opens', async () => {
    const open = () =>
      connectSocket({ fd: asker.visit(() => connectStream(addressBytes(requireAddress(SERVER)), 53)) });
    const many = await Promise.all(Array.from({ length: 100 }, open));
    let ended = 0;
    try {
      for (const stream of many)
        void Array.fromAsync(stream.input)
          .finally(() => void ended++)
          .catch(() => undefined);
      // Sooner than those that stay are ended for their silence.
      await until(() => ended === 36, { within: 5000, what: () => `36 that ended, not ${ended}` });
    } finally {
      for (const stream of many) stream.destroy();
    }
    expect(await ask('friend')).toMatchObject({ rcode: RCODE.ok, answers: 1 });
  });
});

describe('what others know', () => {
  test('a large answer from outside is cut by UDP as it came, and asked for by TCP again', async () => {
    const bytes = addressBytes(requireAddress(NEIGHBOUR));
    const addresses = Array.from({ length: 60 }, (_, index) => Uint8Array.of(198, 51, 100, index));
    const respond = (packet: Buffer, limit: number) => {
      const query = parseQuery(packet)!;
      const answers = addresses.map(address => ({ type: TYPE.A, address }));
      return writeResponse(query, RCODE.ok, answers, limit);
    };
    const udp = await datagrams(
      lan.neighbour.visit(() => bindSocket({ protocol: 'udp', address: bytes, port: 53 })),
      (packet, port, sender, self) => self.send(respond(packet, 512), port, sender),
    );
    const tcp = lan.neighbour.visit(() =>
      Bun.listen({
        hostname: NEIGHBOUR,
        port: 53,
        socket: { data: (socket, data) => void socket.write(framed(respond(firstMessage(data)!, 65535))) },
      }),
    );
    try {
      await lan.docker('network', 'create', 'outward');
      const flags = ['--network', 'outward', '--dns', NEIGHBOUR, '--dns-opt', 'ndots:2'];
      await lan.docker('run', '-d', '--name', 'curious', ...flags, 'busybox', 'sleep', '600');
      using machine = Machine.of((await lan.engine.inspect('curious')).State!.Pid!);
      const [cut] = await askAll(machine, [question(3, 'large.example', TYPE.A)]);
      expect(resultOf(cut!)).toMatchObject({ id: 3, truncated: true });
      const stream = await connectSocket({
        fd: machine.visit(() => connectStream(addressBytes(requireAddress(SERVER)), 53)),
      });
      void stream.write(framed(question(4, 'large.example', TYPE.A)));
      let received = Buffer.alloc(0);
      for await (const chunk of stream.input) {
        received = Buffer.concat([received, chunk]);
        if (firstMessage(received)) break;
      }
      stream.destroy();
      expect(resultOf(firstMessage(received)!)).toMatchObject({ id: 4, truncated: false, answers: 60 });
      // With a search list to try first, a name without a dot is nobody's but ours.
      const [single] = await askAll(machine, [question(5, 'large', TYPE.A)]);
      expect(resultOf(single!)).toMatchObject({ rcode: RCODE.ok, answers: 0 });
      // What is asked of another class is not for us to answer, though the name be ours.
      const chaos = question(6, 'curious', TYPE.A);
      chaos.writeUInt16BE(3, chaos.length - 2);
      const [other] = await askAll(machine, [chaos]);
      expect(resultOf(other!)).toMatchObject({ id: 6, truncated: true });
      // Nor is whose address it is that nobody here has.
      const [pointer] = await askAll(machine, [question(8, '1.2.0.192.in-addr.arpa', TYPE.PTR)]);
      expect(resultOf(pointer!)).toMatchObject({ id: 8, truncated: true });
      await lan.docker('rm', '-f', 'curious');
      await lan.docker('network', 'rm', 'outward');
    } finally {
      udp.close();
      tcp.stop(true);
    }
  });
});

test('a running container that the next engine can’t lead to its server at first has names a little later', async () => {
  const directory = mkdtempSync(`${tmpdir()}/nsenter-`);
  const broken = `${directory}/broken`;
  const program = `${directory}/nsenter`;
  // The host is entered by it as well; the containers' namespaces by a descriptor.
  const lines = [
    `case "$1" in --net=/proc/self/*) [ ! -e ${broken} ] || { echo not now >&2; exit 1; } ;; esac`,
    `exec ${Bun.which('nsenter')} "$@"`,
  ];
  writeFileSync(program, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(program, 0o755);
  await using host = await NetworkHost.start({
    firewall: 'nftables',
    config: { 'firewall-backend': 'iptables' },
    environment: { PATH: `${directory}:${pathWith(hasNftables ? 'iptables-nft' : 'iptables-legacy')}` },
  });
  const { engine } = host;
  await host.docker('network', 'create', 'mine');
  await host.docker('run', '-d', '--name', 'one', '--network', 'mine', 'busybox', 'sleep', '600');
  const findsItself = async () => (await host.exec('one', 'nslookup', 'one')).includes('Name:');
  expect(await findsItself()).toBe(true);
  await engine.kill();
  writeFileSync(broken, '');
  await engine.start();
  await until(() => engine.log.includes('a running container has no names yet'));
  expect(engine.log).toContain('not now');
  expect(await findsItself()).toBe(false);
  rmSync(broken);
  await until(findsItself, { within: 15_000 });
  await host.remove('one');
});

describe('port 53 of the server is reached', () => {
  const names: Names = {
    addresses: (name, family) => (name === 'neighbour' && family === 4 ? ['10.99.0.7'] : undefined),
    nameOf: () => undefined,
    upstreams: [],
    ndotsSet: false,
  };

  const backends = [
    ...(hasNftables ? ([['by nf_tables', 'nftables', true]] as const) : []),
    ['by iptables', 'iptables', true],
    ['where there is neither, though the container can’t have that port then', undefined, false],
  ] as const;
  test.each(backends)('%s', async (_, backend, isFree) => {
    using namespace = SandboxNamespace.create();
    const inside = (...command: string[]) => run(['nsenter', `--net=${namespace.path}`, ...command]);
    // Once more, as after a restart of the engine: what was there before leads nowhere.
    for (const again of backend ? [false, true] : [false]) {
      using server = NameServer.open(namespace, names, { again, backend });
      await server.ready;
      expect((await inside('busybox', 'nslookup', 'neighbour', '127.0.0.11')).stdout).toContain('10.99.0.7');
      const bind = () => bindSocket({ protocol: 'udp', address: Uint8Array.of(0, 0, 0, 0), port: 53 });
      if (isFree) closeSync(namespace.visit(bind));
      else expect(() => namespace.visit(bind)).toThrow('EADDRINUSE');
    }
  });
});
