// Docker's own engine and ours on one host, whose rules meet in the same hook: each side's containers reach of the other's what both
// owners allow, no more and no less.
import { describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type IptablesKind, iptablesDirectory } from '../support/firewalls.ts';
import { Machine } from '../support/machines.ts';
import { fetchFrom, HOST, NEIGHBOUR, NetworkHost, WEB } from '../support/network-host.ts';
import { type OfficialEngine, startOfficialEngine } from '../support/official-engine.ts';
import { until } from '../support/until.ts';

/** A second server, on a port that is never published. */
const WITH_PRIVATE_PORT = `mkdir /www; httpd -p 81 -h /www; ${WEB}`;
const TIME_LIMIT = 120_000;

const startDocker = (host: Machine, kind: IptablesKind) =>
  startOfficialEngine({ network: true, through: host.enter, path: iptablesDirectory(kind) });

/** Fetches all at once, one line for each. */
const FETCH = [
  'count=0',
  'for url; do (timeout 2 wget -qO- "$url" > "/tmp/$count") & count=$((count + 1)); done',
  'wait',
  'for at in $(seq 0 $((count - 1))); do echo "$(cat "/tmp/$at")"; done',
].join('\n');

/** The containers of either engine. */
class Side {
  constructor(private readonly engine: { output(...args: string[]): Promise<string> }) {}

  async run(name: string, ...flags: string[]): Promise<void> {
    const server = ['busybox', 'sh', '-c', WITH_PRIVATE_PORT];
    // Docker stops what runs when it is stopped.
    const identity = ['--name', name, '--hostname', name, '--stop-signal', 'KILL'];
    await this.engine.output('run', '-d', ...identity, ...flags, ...server);
    await until(async () => (await this.fetch(name, ['http://127.0.0.1/']))[0] === name);
  }

  address(name: string, network: string): Promise<string> {
    return this.engine.output('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);
  }

  /** What a container gets from several places, '' where there is nothing. */
  async fetch(from: string, urls: readonly string[]): Promise<string[]> {
    const answers = await this.engine.output('exec', from, 'sh', '-c', FETCH, 'sh', ...urls);
    return answers.split('\n');
  }
}

const ROUTER = ['--cap-add', 'NET_ADMIN'];

/** A container on an internal network tries to get out by the bridge's own address; Docker's have that route anyway. */
const breakOut = (address: string) => `ip route add default via ${address.replace(/\.\d+$/, '.1')}`.split(' ');

describe.each([
  ['iptables-nft', 'nftables'],
  ['iptables-legacy', 'nftables'],
  ['iptables-legacy', 'iptables-legacy'],
] as const)('Docker was there first, with %s, and we have %s', (kind, firewall) => {
  test(
    'both sides reach what is published and the outside, and nothing else',
    async () => {
      let dockers: OfficialEngine | undefined;
      try {
        await using lan = await NetworkHost.start({
          firewall,
          async beforeStart(host) {
            host.setSysctl('net/ipv4/ip_forward', '0');
            dockers = await startDocker(host, kind);
            await new Side(dockers).run('theirs', '-p', '9090:80');
            await dockers.output('network', 'create', '--internal', 'inside');
            await new Side(dockers).run('theirs-inside', '--network', 'inside');
          },
        });
        const [their, our] = [new Side(dockers!), new Side(lan.engine)];
        const rules = () => lan.host.output(kind, '-S');
        const before = await rules();
        expect(before).toContain('-P FORWARD DROP');

        await our.run('ours', '-p', '8080:80');
        await lan.docker('network', 'create', 'more');
        await our.run('other', '--network', 'more');
        await lan.docker('network', 'create', '--internal', 'within');
        await our.run('ours-inside', '--network', 'within', ...ROUTER);
        const at = {
          theirs: await their.address('theirs', 'bridge'),
          theirsInside: await their.address('theirs-inside', 'inside'),
          ours: await our.address('ours', 'bridge'),
          oursInside: await our.address('ours-inside', 'within'),
        };
        await lan.exec('ours-inside', ...breakOut(at.oursInside));
        using _outside = await serveNeighbour(lan);

        const places = {
          outside: `http://${NEIGHBOUR}:8000/`,
          'what we publish': `http://${HOST}:8080/`,
          'what they publish': `http://${HOST}:9090/`,
          'what they publish, where it is': `http://${at.theirs}/`,
          'what they keep': `http://${at.theirs}:81/`,
          'what we publish, where it is': `http://${at.ours}/`,
          'what we keep': `http://${at.ours}:81/`,
          'their internal network': `http://${at.theirsInside}/`,
          'our internal network': `http://${at.oursInside}/`,
        };
        const reached = async (side: Side, from: string) => {
          const answers = await side.fetch(from, Object.values(places));
          return Object.keys(places).filter((_, index) => answers[index] !== '');
        };
        const expectSeparation = async () => {
          const published = ['outside', 'what we publish', 'what they publish'];
          const [fromOther, fromOurs, fromInside, fromTheirs, fromTheirInside] = await Promise.all([
            reached(our, 'other'),
            reached(our, 'ours'),
            reached(our, 'ours-inside'),
            reached(their, 'theirs'),
            reached(their, 'theirs-inside'),
          ]);
          expect({ fromOther, fromOurs, fromInside, fromTheirs, fromTheirInside }).toEqual({
            // Docker 20.10 opens a published port by the container's own address, too.
            fromOther: [...published, 'what they publish, where it is'],
            fromOurs: [...published, 'what they publish, where it is', 'what we publish, where it is', 'what we keep'],
            fromInside: ['our internal network'],
            fromTheirs: [...published, 'what they publish, where it is', 'what they keep'],
            fromTheirInside: ['their internal network'],
          });
          const fromOutside = [8080, 9090].map(port => fetchFrom(lan.neighbour, `http://${HOST}:${port}/`));
          expect(await Promise.all(fromOutside)).toEqual(['ours', 'theirs']);
        };
        await expectSeparation();

        using container = Machine.of((await lan.engine.inspect('ours')).State!.Pid!);
        await lan.engine.kill();
        // Made while nobody looks.
        await dockers!.output('network', 'create', '--internal', 'late');
        await their.run('theirs-late', '--network', 'late');
        const late = `http://${await their.address('theirs-late', 'late')}/`;
        const whileAlone = [late, places.outside, places['what they publish']].map(url => fetchFrom(container, url));
        expect(await Promise.all(whileAlone)).toEqual(['', 'outside', 'theirs']);
        await lan.engine.start();
        expect(await our.fetch('ours', [late, places['what they publish']])).toEqual(['', 'theirs']);
        await expectSeparation();
        await dockers!.output('rm', '-f', 'theirs-late');
        await dockers!.output('network', 'rm', 'late');

        await lan.docker('rm', '-f', 'ours', 'other', 'ours-inside');
        await lan.docker('network', 'rm', 'more', 'within');
        await lan.engine.stop();
        expect(await rules()).toBe(before);
        expect(lan.tables()).toEqual([]);
      } finally {
        await dockers?.[Symbol.asyncDispose]();
      }
    },
    TIME_LIMIT,
  );
});

test(
  'Docker that comes later has its own way, and so have we',
  async () => {
    await using lan = await NetworkHost.start({
      beforeStart: host => host.setSysctl('net/ipv4/ip_forward', '0'),
    });
    const our = new Side(lan.engine);
    await our.run('ours', '-p', '8080:80');
    const dockers = await startDocker(lan.host, 'iptables-nft');
    try {
      const their = new Side(dockers);
      await dockers.output('network', 'create', '--internal', 'inside');
      await their.run('theirs-inside', '--network', 'inside');
      await their.run('theirs', '-p', '9090:80');
      using _outside = await serveNeighbour(lan);
      const outside = `http://${NEIGHBOUR}:8000/`;
      // The engine sees their bridge a moment after it is made.
      await until(async () => (await their.fetch('theirs', [outside]))[0] === 'outside', { within: 10_000 });
      expect(await fetchFrom(lan.neighbour, `http://${HOST}:9090/`)).toBe('theirs');
      const published = [8080, 9090].map(port => `http://${HOST}:${port}/`);
      expect(await their.fetch('theirs', [...published, `http://${await our.address('ours', 'bridge')}/`])).toEqual([
        'ours',
        'theirs',
        '',
      ]);
      const inside = `http://${await their.address('theirs-inside', 'inside')}/`;
      expect(await our.fetch('ours', [outside, ...published, inside])).toEqual(['outside', 'ours', 'theirs', '']);
    } finally {
      await dockers[Symbol.asyncDispose]();
    }
  },
  TIME_LIMIT,
);

/** Something to reach outside. */
async function serveNeighbour(lan: NetworkHost): Promise<Disposable> {
  const directory = mkdtempSync(`${tmpdir()}/outside-`);
  await Bun.write(`${directory}/index.html`, 'outside');
  const server = Bun.spawn([...lan.neighbour.enter, 'busybox', 'httpd', '-f', '-p', '8000', '-h', directory]);
  return {
    [Symbol.dispose]() {
      server.kill();
      rmSync(directory, { recursive: true });
    },
  };
}
