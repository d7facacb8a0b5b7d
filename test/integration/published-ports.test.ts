// Ports of the host that lead to containers: every form of -p, from everywhere, through restarts.
import { afterAll, beforeAll, describe, test } from 'bun:test';
import { bindSocket } from '../../src/kernel/sockets.ts';
import { datagrams, Machine } from '../support/machines.ts';
import { HOST, NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';

let lan: NetworkHost;

beforeAll(async () => {
  lan = await NetworkHost.start();
  lan.host.addAddresses('wire', '192.0.2.2/24');
});

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
});

const remove = (...containers: string[]) => lan.docker('rm', '-f', ...containers);
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
async function answering(container: string, word: string, port: number): Promise<Disposable> {
  using machine = Machine.of(await pidOf(container));
  const fd = machine.visit(() => bindSocket({ protocol: 'udp', address: new Uint8Array(4), port }));
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
      await remove('one');
      // So that the successor has another address.
      await lan.docker('run', '-d', '--name', 'filler', 'busybox', 'sleep', '600');
      await lan.docker('run', '-d', '--name', 'two', '-p', '5353:5353/udp', 'busybox', 'sleep', '600');
      sender.forget();
      using _ = await answering('two', 'two', 5353);
      await sender.hears('two');
      await remove('two', 'filler');
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
    await remove('mover');
    await lan.docker('network', 'rm', 'aside');
  });
});
