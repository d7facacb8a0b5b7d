// Names as programs ask for them: through musl's resolver and glibc's, each a real one in an image of its own.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bindSocket } from '../../src/kernel/sockets.ts';
import { addressBytes, requireAddress } from '../../src/network/addresses.ts';
import {
  type Answer,
  firstMessage,
  framed,
  parseQuery,
  type Query,
  RCODE,
  TYPE,
  writeResponse,
} from '../../src/network/dns/message.ts';
import { glibcImage, muslImage } from '../support/c-libraries.ts';
import { datagrams } from '../support/machines.ts';
import { NEIGHBOUR, NetworkHost } from '../support/network-host.ts';

let lan: NetworkHost;
const servers: { close(): void }[] = [];
/** What the server outside was asked for, in order: "A name". */
const asked: string[] = [];

const four = (address: string): Answer => ({ type: TYPE.A, address: addressBytes(requireAddress(address)) });
const six = (address: string): Answer => ({ type: TYPE.AAAA, address: addressBytes(requireAddress(address)) });

/** What the world outside knows; a name that is not here does not exist, one without an answer of the type is empty. */
const ZONE: Readonly<Record<string, readonly Answer[]>> = {
  'both.example': [four('198.51.100.1'), six('2001:db8:51::1')],
  'four.example': [four('198.51.100.4')],
  'six.example': [six('2001:db8:51::6')],
  'empty.example': [],
  'large.example': Array.from({ length: 60 }, (_, index) => four(`198.51.100.${index}`)),
  'printer.second.test': [four('198.51.100.20')],
  // A name that exists in the first domain, but has no address there.
  'scanner.first.test': [],
  'scanner.second.test': [four('198.51.100.21')],
  'a.b.second.test': [four('198.51.100.22')],
  'a.b': [four('198.51.100.23')],
  '1.100.51.198.in-addr.arpa': [{ type: TYPE.PTR, name: 'both.example' }],
};

function outside(packet: Buffer, limit: (query: Query) => number): Buffer {
  const query = parseQuery(packet)!;
  asked.push(`${query.type === TYPE.A ? 'A' : query.type === TYPE.AAAA ? 'AAAA' : query.type} ${query.name}`);
  if (query.name === 'broken.example') return writeResponse(query, RCODE.serverFailure, [], limit(query));
  const answers = ZONE[query.name];
  if (!answers) return writeResponse(query, RCODE.nameError, [], limit(query));
  return writeResponse(
    query,
    RCODE.ok,
    answers.filter(({ type }) => type === query.type),
    limit(query),
  );
}

beforeAll(async () => {
  lan = await NetworkHost.start();
  const directory = mkdtempSync(join(tmpdir(), 'libraries-'));
  await lan.docker('import', await muslImage(directory), 'musl');
  await lan.docker('import', await glibcImage(directory), 'glibc');
  await lan.docker('network', 'create', '--ipv6', 'here');
  await lan.docker('network', 'create', 'there');
  await lan.docker('network', 'create', '--ipv4=false', '--ipv6', 'six');
  await lan.docker('network', 'create', 'four');
  const sleeper = (network: string, name: string, ...flags: string[]) =>
    lan.docker('run', '-d', '--name', name, '--network', network, ...flags, 'busybox', 'sleep', '600');
  await sleeper('here', 'friend', '--network-alias', 'pal', '--hostname', 'box');
  await sleeper('there', 'stranger', '--network-alias', 'hidden');
  await sleeper('six', 'friend6', '--network-alias', 'pal6');
  await sleeper('four', 'friend4');
  const bytes = addressBytes(requireAddress(NEIGHBOUR));
  const udp = await datagrams(
    lan.neighbour.visit(() => bindSocket({ protocol: 'udp', address: bytes, port: 53 })),
    (packet, port, sender, self) =>
      self.send(
        outside(packet, query => query.limit),
        port,
        sender,
      ),
  );
  const tcp = lan.neighbour.visit(() =>
    Bun.listen({
      hostname: NEIGHBOUR,
      port: 53,
      socket: { data: (socket, data) => void socket.write(framed(outside(firstMessage(data)!, () => 65535))) },
    }),
  );
  servers.push(udp, { close: () => tcp.stop(true) });
});

afterAll(async () => {
  for (const server of servers) server.close();
  await lan?.[Symbol.asyncDispose]();
});

type Find = (flags: readonly string[], what: string, family?: '4' | '6') => Promise<string>;

/** Addresses in order, with a blank between; "error N" with the library's number. */
const musl: Find = async (flags, what, family) => {
  const question = family ? [`-${family}`, what] : [what];
  const line = await lan.docker('run', '--rm', ...flags, 'musl', '/ask', ...question);
  return line.slice(`${what}: `.length);
};

/** The same; getent has only one error. */
const glibc: Find = async (flags, what, family = '4') => {
  const isAddress = /^[\d.]+$|:/.test(what);
  const database = isAddress ? 'hosts' : `ahostsv${family}`;
  const { code, stdout } = await lan.refused('run', '--rm', ...flags, 'glibc', '/usr/bin/getent', database, what);
  if (code !== 0) return `error ${code}`;
  if (isAddress) return stdout.trim().split(/\s+/)[1]!;
  return [...new Set(stdout.match(/^\S+/gm))].sort().join(' ');
};

const NOBODY = 'error -2';
const TRY_AGAIN = 'error -3';
const NOT_FOUND = 'error 2';

describe('musl', () => {
  test('finds names and aliases, both families at once, and whose an address is', async () => {
    const here = ['--network', 'here'];
    const [address, address6] = [await lan.address('friend', 'here'), await lan.address('friend', 'here', 6)];
    for (const name of ['friend', 'pal', 'box', 'friend.here', 'PAL']) {
      expect(await musl(here, name)).toBe([address, address6].sort().join(' '));
    }
    expect(await musl(here, address)).toBe('friend.here');
    expect(await musl(here, address6)).toBe('friend.here');
  });

  test('has a clear answer where there is no address of a family', async () => {
    const here = ['--network', 'four'];
    expect(await musl(here, 'friend4')).toBe(await lan.address('friend4', 'four'));
    expect(await musl(here, 'friend4', '6')).toBe(NOBODY);
  });

  test('works on a network without IPv4', async () => {
    const address = await lan.address('friend6', 'six', 6);
    for (const name of ['friend6', 'pal6', 'friend6.six']) expect(await musl(['--network', 'six'], name)).toBe(address);
    expect(await musl(['--network', 'six'], 'friend6', '4')).toBe(NOBODY);
    expect(await musl(['--network', 'six'], address)).toBe('friend6.six');
  });

  test('asks many times at once', async () => {
    const expected = [await lan.address('friend', 'here'), await lan.address('friend', 'here', 6)].sort().join(' ');
    const many = await lan.docker('run', '--rm', '--network', 'here', 'musl', '/ask', '-n', '400', 'friend', 'pal');
    expect(many).toBe(`friend: ${expected}\npal: ${expected}`);
  });
});

describe('glibc', () => {
  test('finds names and aliases by both families, and whose an address is', async () => {
    const here = ['--network', 'here'];
    const [address, address6] = [await lan.address('friend', 'here'), await lan.address('friend', 'here', 6)];
    for (const name of ['friend', 'pal', 'box', 'friend.here', 'PAL']) {
      expect(await glibc(here, name)).toBe(address);
      expect(await glibc(here, name, '6')).toBe(address6);
    }
    expect(await glibc(here, address)).toBe('friend.here');
    expect(await glibc(here, address6)).toBe('friend.here');
  });

  test('works on a network without IPv4', async () => {
    const address = await lan.address('friend6', 'six', 6);
    for (const name of ['friend6', 'pal6', 'friend6.six']) {
      expect(await glibc(['--network', 'six'], name, '6')).toBe(address);
      expect(await glibc(['--network', 'six'], name, '4')).toBe(NOT_FOUND);
    }
    expect(await glibc(['--network', 'six'], address)).toBe('friend6.six');
  });

  test('asks from many programs at once', async () => {
    const script = `i=0; while [ $i -lt 200 ]; do getent ahostsv4 friend & i=$((i+1)); done; wait`;
    const many = await lan.docker('run', '--rm', '--network', 'here', 'glibc', '/bin/sh', '-c', script);
    const answers = many.split('\n').filter(line => line.includes('STREAM'));
    expect(answers).toHaveLength(200);
    expect(new Set(answers.map(line => line.split(' ')[0]))).toEqual(new Set([await lan.address('friend', 'here')]));
  });

  test('gets a large answer of ours by TCP', async () => {
    const { api } = lan.engine;
    const names = Array.from({ length: 36 }, (_, index) => `many${index}`);
    await Promise.all(
      names.map(async name => {
        const endpoints = { four: { Aliases: ['crowd'] } };
        const network = { HostConfig: { NetworkMode: 'four' }, NetworkingConfig: { EndpointsConfig: endpoints } };
        (await api.post(`/containers/create?name=${name}`, { Image: 'busybox', Cmd: ['sleep', '600'], ...network })).ok;
        (await api.post(`/containers/${name}/start`)).ok;
      }),
    );
    const addresses = await Promise.all(names.map(name => lan.address(name, 'four')));
    expect((await glibc(['--network', 'four'], 'crowd')).split(' ')).toEqual(addresses.sort());
    // musl (1.2.3) knows no TCP: it takes what fits.
    const fitting = (await musl(['--network', 'four'], 'crowd')).split(' ');
    expect(fitting.length).toBeGreaterThan(20);
    expect(addresses).toEqual(expect.arrayContaining(fitting));
    await Promise.all(names.map(async name => (await api.delete(`/containers/${name}?force=1`)).ok));
  });
});

describe.each<[string, Find, typeof NOBODY | typeof NOT_FOUND]>([
  ['musl', musl, NOBODY],
  ['glibc', glibc, NOT_FOUND],
])('what others know, through %s', (library, find, notFound) => {
  const world = ['--network', 'here', '--dns', NEIGHBOUR];

  test('is found, and what is nobody’s is not', async () => {
    expect(await find(world, 'four.example')).toBe('198.51.100.4');
    expect(await find(world, 'six.example', '6')).toBe('2001:db8:51::6');
    expect(await find(world, '198.51.100.1')).toBe('both.example');
    expect(await find(world, '198.51.100.2')).toBe(notFound);
    expect(await find(world, 'six.example', '4')).toBe(notFound);
    for (const name of ['nobody.example', 'empty.example', 'stranger', 'hidden', 'stranger.there']) {
      expect(await find(world, name)).toBe(notFound);
    }
  });

  test('names of ours never reach a server outside', async () => {
    asked.length = 0;
    await find(world, 'friend');
    await find(world, 'pal.here');
    await find(world, await lan.address('friend', 'here'));
    expect(asked).toEqual([]);
  });

  test('is searched for in the domains given', async () => {
    const search = [...world, '--dns-search', 'first.test', '--dns-search', 'second.test'];
    expect(await find(search, 'friend', '4')).toBe(await lan.address('friend', 'here'));
    const dotted = [...search, '--dns-opt', 'ndots:2'];
    expect(await find(dotted, 'printer')).toBe('198.51.100.20');
    expect(await find(dotted, 'friend', '4')).toBe(await lan.address('friend', 'here'));
    // A name with a dot is asked for as it is first, unless it has fewer than it takes.
    expect(await find(dotted, 'a.b')).toBe('198.51.100.22');
    expect(await find([...search, '--dns-opt', 'ndots:1'], 'a.b')).toBe('198.51.100.23');
    expect(await find(dotted, 'a.b.')).toBe('198.51.100.23');
    // "Exists, but has no address" is passed on as it came: to musl it ends the search, to glibc it does not.
    expect(await find(dotted, 'scanner', '4')).toBe(library === 'musl' ? notFound : '198.51.100.21');
  });

  test('is asked for again by TCP where it is large, by a library that knows how', async () => {
    const found = (await find(world, 'large.example', '4')).split(' ');
    if (library === 'glibc') expect(found).toHaveLength(60);
    else expect(found.length).toBeGreaterThan(20);
  });
});

test('musl tells a server that fails from a name that is nobody’s', async () => {
  expect(await musl(['--network', 'here', '--dns', NEIGHBOUR], 'broken.example')).toBe(TRY_AGAIN);
  expect(await musl(['--network', 'here', '--dns', NEIGHBOUR], 'nobody.example')).toBe(NOBODY);
});
