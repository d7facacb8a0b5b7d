// A container that speaks with another one's address is not heard outside its network, whatever it knows of what the owner of the
// address talks about. The owner is heard by whichever of its networks it speaks.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { udp } from 'bun';
import { message } from '../../src/kernel/rtnetlink/message.ts';
import { bindSocket } from '../../src/kernel/sockets.ts';
import { addressBytes, requireAddress } from '../../src/network/addresses.ts';
import { compileWithMusl } from '../support/c-libraries.ts';
import { hasNftables, testFirewalls } from '../support/firewalls.ts';
import { datagrams, Machine } from '../support/machines.ts';
import { HOST, HOST6, NEIGHBOUR, NEIGHBOUR6, NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';

/** Keeps what it hears. */
class Talker implements Disposable {
  readonly heard: string[] = [];
  #socket: udp.Socket<'buffer'> | undefined;

  static async at(machine: Machine, address: string, port: number): Promise<Talker> {
    const talker = new Talker();
    const bytes = addressBytes(requireAddress(address));
    const fd = machine.visit(() => bindSocket({ protocol: 'udp', address: bytes, port }));
    talker.#socket = await datagrams(fd, data => void talker.heard.push(String(data)));
    return talker;
  }

  say(text: string, address: string, port: number): void {
    this.#socket?.send(text, port, address);
  }

  /** What is said here is heard there, sooner or later. */
  async reaches(other: Talker, address: string, port: number): Promise<void> {
    const text = crypto.randomUUID();
    await until(() => {
      this.say(text, address, port);
      return other.heard.includes(text);
    });
  }

  [Symbol.dispose](): void {
    this.#socket?.close();
  }
}

const programs = mkdtempSync(join(tmpdir(), 'programs-'));
const unreachable = join(programs, 'unreachable');
beforeAll(() => compileWithMusl('unreachable', unreachable));
afterAll(() => rmSync(programs, { recursive: true }));

describe.each(testFirewalls)('%s', firewall => {
  let lan: NetworkHost;
  let owner: Machine;
  let liar: Machine;

  beforeAll(async () => {
    lan = await NetworkHost.start({ firewall });
    for (const [name, number] of [
      ['owners', 50],
      ['liars', 51],
      ['others', 52],
    ] as const) {
      const subnets = ['--subnet', `10.${number}.0.0/24`, '--ipv6', '--subnet', `fd${number}::/64`];
      await lan.docker('network', 'create', ...subnets, name);
    }
    const run = async (name: string, ...flags: string[]) => {
      await lan.docker('run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '600');
      return Machine.of((await lan.engine.inspect(name)).State!.Pid!);
    };
    owner = await run('owner', '--network', 'owners', '--ip', '10.50.0.10', '--ip6', 'fd50::10', '-p', '9000:5000/udp');
    liar = await run('liar', '--network', 'liars');
    for (const address of ['10.50.0.10/32', '10.50.0.20/32', '10.50.0.99/32']) liar.addAddresses('eth0', address);
    for (const address of ['fd50::10/128', 'fd50::99/128']) liar.addAddresses('eth0', address);
  });

  afterAll(async () => {
    owner?.[Symbol.dispose]();
    liar?.[Symbol.dispose]();
    await lan?.[Symbol.asyncDispose]();
  });

  /** All that the lie was heard by, or the host's rules have dropped one. */
  async function expectDropped(lie: () => unknown, ...listeners: Talker[]): Promise<void> {
    const before = await lan.dropped('spoofed source');
    const wasHeard = () => listeners.some(({ heard }) => heard.includes('lie'));
    await until(async () => {
      await lie();
      return wasHeard() || (await lan.dropped('spoofed source')) > before;
    });
    expect(wasHeard()).toBe(false);
  }

  test('a lie of a new conversation is dropped, in both families, and to the host itself', async () => {
    const ping = (...args: string[]) => liar.run('busybox', 'ping', '-c1', '-W1', '-I', ...args);
    await expectDropped(() => ping('10.50.0.99', NEIGHBOUR));
    await expectDropped(() => ping('fd50::99', NEIGHBOUR6));
    await expectDropped(() => liar.run('timeout', '1', 'busybox', 'nc', '-s', '10.50.0.99', NEIGHBOUR, '80'));
    using host = await Talker.at(lan.host, '0.0.0.0', 7000);
    using lies = await Talker.at(liar, '10.50.0.10', 7000);
    await expectDropped(() => lies.say('lie', '10.51.0.1', 7000), host);
  });

  test.each([
    ['IPv4', '10.50.0.10', NEIGHBOUR],
    ['IPv6', 'fd50::10', NEIGHBOUR6],
  ])('a lie does not get into what the owner has begun: %s', async (_family, address, neighbourAddress) => {
    using neighbour = await Talker.at(lan.neighbour, neighbourAddress, 6000);
    using truth = await Talker.at(owner, address, 5001);
    using lies = await Talker.at(liar, address, 5001);
    await truth.reaches(neighbour, neighbourAddress, 6000);
    await expectDropped(() => lies.say('lie', neighbourAddress, 6000), neighbour);
    await truth.reaches(neighbour, neighbourAddress, 6000);
  });

  test.each([
    ['IPv4', '10.50.0.10', NEIGHBOUR, HOST],
    ['IPv6', 'fd50::10', NEIGHBOUR6, HOST6],
  ])('nor into what the owner answers: %s', async (_family, address, neighbourAddress, host) => {
    using neighbour = await Talker.at(lan.neighbour, neighbourAddress, 6001);
    using truth = await Talker.at(owner, address, 5000);
    using lies = await Talker.at(liar, address, 5000);
    await neighbour.reaches(truth, host, 9000);
    await truth.reaches(neighbour, neighbourAddress, 6001);
    await expectDropped(() => lies.say('lie', neighbourAddress, 6001), neighbour);
    await truth.reaches(neighbour, neighbourAddress, 6001);
  });

  test.each([
    ['IPv4', '10.50.0.10', NEIGHBOUR, HOST],
    ['IPv6', 'fd50::10', NEIGHBOUR6, HOST6],
  ])('nor can anybody else say that the owner is not reached: %s', async (family, address, asking, host) => {
    const told = async () => {
      const file = `/proc/net/${family === 'IPv4' ? 'snmp' : 'snmp6'}`;
      const text = await lan.neighbour.output('cat', file);
      if (family === 'IPv6') return Number(/Icmp6InDestUnreachs\s+(\d+)/.exec(text)?.[1]);
      const [names = '', values = ''] = text.match(/^Icmp: .*$/gm) ?? [];
      return Number(values.split(' ').at(names.split(' ').indexOf('InDestUnreachs')));
    };
    using neighbour = await Talker.at(lan.neighbour, asking, 6003);
    const truth = await Talker.at(owner, address, 5000);
    await neighbour.reaches(truth, host, 9000);
    const self = await lan.address('liar', 'liars', family === 'IPv4' ? 4 : 6);
    const before = await told();
    await expectDropped(() => liar.output(unreachable, self, asking, asking, '6003', address, '5000'));
    expect(await told()).toBe(before);
    // The owner itself can.
    truth[Symbol.dispose]();
    await until(async () => {
      neighbour.say('anybody there?', host, 9000);
      return (await told()) > before;
    });
  });

  test('a conversation goes on by another network, when that becomes the way out', async () => {
    const run = ['--network', 'owners', '--ip', '10.50.0.20', '--ip6', 'fd50::20', '-p', '9001:5000/udp'];
    await lan.docker('run', '-d', '--name', 'mover', ...run, 'busybox', 'sleep', '600');
    using mover = Machine.of((await lan.engine.inspect('mover')).State!.Pid!);
    using neighbour = await Talker.at(lan.neighbour, NEIGHBOUR, 6002);
    using neighbour6 = await Talker.at(lan.neighbour, NEIGHBOUR6, 6002);
    using talk = await Talker.at(mover, '10.50.0.20', 5001);
    using talk6 = await Talker.at(mover, 'fd50::20', 5001);
    using lies = await Talker.at(liar, '10.50.0.20', 5001);
    const goesOn = async () => {
      await talk.reaches(neighbour, NEIGHBOUR, 6002);
      await talk6.reaches(neighbour6, NEIGHBOUR6, 6002);
      await expectDropped(() => lies.say('lie', NEIGHBOUR, 6002), neighbour);
    };
    const wayOut = async () => (await lan.exec('mover', 'ip', 'route', 'show', 'default')).split(' ').at(4);
    await goesOn();
    await lan.docker('network', 'connect', '--gw-priority', '10', 'others', 'mover');
    expect(await wayOut()).toBe('eth1');
    await goesOn();
    await lan.engine.kill();
    await lan.engine.start();
    await goesOn();
    // Who leaves a network is not heard there any more.
    await lan.docker('network', 'disconnect', 'others', 'mover');
    expect(await wayOut()).toBe('eth0');
    await goesOn();
    await lan.docker('network', 'connect', '--gw-priority', '10', 'others', 'mover');
    await lan.remove('mover');
    const rules =
      firewall === 'nftables'
        ? await lan.host.output('nft', 'list', 'ruleset')
        : await lan.host.output(`${firewall}-save`);
    expect(rules).not.toContain('10.50.0.20');
  });

  test('others on a bridge of the host’s own making reach the host, though their way back is another one', async () => {
    const { route } = lan.host;
    route.send(message.newLink({ kind: 'bridge', name: 'theirs' }));
    lan.host.addAddresses('theirs', '10.70.0.1/24');
    using stranger = Machine.create();
    lan.host.connect(stranger, 'port');
    route.send(message.setLink('port', { master: route.link('theirs').index }));
    stranger.addAddresses('port', '10.70.0.9/24', '198.51.100.7/32');
    const options = [
      '--subnet',
      '10.70.0.0/24',
      '--gateway',
      '10.70.0.1',
      '-o',
      'com.docker.network.bridge.name=theirs',
    ];
    await lan.docker('network', 'create', ...options, 'shared');
    using host = await Talker.at(lan.host, '0.0.0.0', 7001);
    using far = await Talker.at(stranger, '198.51.100.7', 7001);
    await far.reaches(host, '10.70.0.1', 7001);
    // It does not get any further.
    using neighbour = await Talker.at(lan.neighbour, NEIGHBOUR, 7001);
    stranger.addRoute(`${NEIGHBOUR}/32`, '10.70.0.1');
    await expectDropped(() => far.say('lie', NEIGHBOUR, 7001), neighbour);
  });
});

test.if(hasNftables)(
  'what never leaves a network has any sender, where bridges pass their packets to the firewall',
  async () => {
    await using lan = await NetworkHost.start({ firewall: 'nftables' });
    // A network without icc has bridges do so, all of them.
    await lan.docker('network', 'create', '-o', 'com.docker.network.bridge.enable_icc=false', 'closed');
    expect(await lan.host.output('cat', '/proc/sys/net/bridge/bridge-nf-call-iptables')).toBe('1');
    await lan.docker('network', 'create', 'open');
    const join = async (name: string, address: string) => {
      await lan.docker('run', '-d', '--name', name, '--network', 'open', 'busybox', 'sleep', '600');
      const machine = Machine.of((await lan.engine.inspect(name)).State!.Pid!);
      machine.addAddresses('eth0', `${address}/24`);
      return machine;
    };
    using one = await join('one', '10.60.0.1');
    using other = await join('other', '10.60.0.2');
    using talk = await Talker.at(one, '10.60.0.1', 7002);
    using answers = await Talker.at(other, '10.60.0.2', 7002);
    await talk.reaches(answers, '10.60.0.2', 7002);
    expect(await lan.dropped('spoofed source')).toBe(0);
  },
);
