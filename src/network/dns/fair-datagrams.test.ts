import { expect, test } from 'bun:test';
import { bindSocket, enlargeReceiveBuffer, portOf } from '../../kernel/sockets.ts';
import { FairDatagrams, SHARE } from './fair-datagrams.ts';

const LOOPBACK = Uint8Array.of(127, 0, 0, 1);

function listen(received: (data: Buffer, port: number, address: string) => void) {
  const fd = bindSocket({ protocol: 'udp', address: LOOPBACK, port: 0 });
  enlargeReceiveBuffer(fd);
  return { port: portOf(fd), socket: new FairDatagrams(fd, received) };
}

test('a flood has no more than its share of a turn, and the rest of it is heard in the next ones', async () => {
  let inTurn = 0;
  const turns: number[] = [];
  const { port, socket } = listen(() => {
    inTurn++;
    if (inTurn > 1) return;
    setImmediate(() => {
      turns.push(inTurn);
      inTurn = 0;
    });
  });
  const sender = await Bun.udpSocket({ connect: { hostname: '127.0.0.1', port } });
  for (let count = 0; count < SHARE * 2; count++) sender.send('x');
  while (turns.reduce((sum, count) => sum + count, 0) <= SHARE) await Bun.sleep(1);
  expect(Math.max(...turns)).toBe(SHARE);
  sender.close();
  socket[Symbol.dispose]();
});

test('answers find their way after a flood', async () => {
  const { port, socket } = listen((data, from, address) => socket.send(Buffer.from(data), from, address));
  const answers = new Set<string>();
  const sender = await Bun.udpSocket({
    connect: { hostname: '127.0.0.1', port },
    socket: { data: (_socket, data) => void answers.add(String(data)) },
  });
  for (let count = 0; count < SHARE * 2; count++) sender.send('flood');
  while (!answers.has('question')) {
    sender.send('question');
    await Bun.sleep(1);
  }
  sender.close();
  socket[Symbol.dispose]();
});
