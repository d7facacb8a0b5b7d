import { afterEach, expect, test } from 'bun:test';
import { freePort } from '../lib/testing/free-port.ts';
import { PortHolder } from './port-holder.ts';

let holder = new PortHolder();
afterEach(() => {
  holder[Symbol.dispose]();
  holder = new PortHolder();
});

const any = (first: number, last: number, hostAddresses = ['127.0.0.1']) =>
  holder.hold({ protocol: 'tcp', hostAddresses, first, last });

test('a random port is the same for all addresses, and another each time', () => {
  const first = any(0, 0, ['127.0.0.1', '::1']);
  const second = any(0, 0, ['127.0.0.1', '::1']);
  expect(first.map(held => held.hostAddress)).toEqual(['127.0.0.1', '::1']);
  expect(first[0]!.port).toBe(first[1]!.port);
  expect(second[0]!.port).not.toBe(first[0]!.port);
});

test('a held port is refused until it is released', () => {
  const port = freePort();
  const held = any(port, port);
  expect(() => any(port, port)).toThrow(`Bind for 127.0.0.1:${port} failed: port is already allocated`);
  expect(() => any(port, port, ['0.0.0.0'])).toThrow('port is already allocated');
  for (const one of held) holder.release(one);
  expect(any(port, port)[0]!.port).toBe(port);
});

test('a port that is wanted again at once stays what it is, whoever else has its socket', async () => {
  const [held] = any(0, 0);
  // Like a helper that has been killed, and is not gone yet.
  const fd = holder.descriptorOf(held!)!;
  const other = Bun.spawn(['sleep', '1000'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  try {
    holder.release(held!);
    expect(any(held!.port, held!.port)).toEqual([held!]);
    expect(holder.descriptorOf(held!)).toBe(fd);
    holder.release(held!);
    await Promise.resolve();
    expect(() => any(held!.port, held!.port)).toThrow('address already in use');
  } finally {
    other.kill();
    await other.exited;
  }
  expect(any(held!.port, held!.port)).toEqual([held!]);
});

test('a port of another program is a conflict, and a range goes past it', () => {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } });
  try {
    const { port } = server;
    expect(() => any(port, port)).toThrow(`failed to bind host port 127.0.0.1:${port}/tcp: address already in use`);
    expect(any(port, port + 20)[0]!.port).toBeGreaterThan(port);
  } finally {
    server.stop(true);
  }
});

test('an address that the host does not have', () => {
  expect(() => any(8080, 8080, ['203.0.113.7'])).toThrow('cannot assign requested address');
});

test('when one of several addresses is taken, none stays held', () => {
  const port = freePort();
  any(port, port, ['::1']);
  expect(() => any(port, port, ['127.0.0.1', '::1'])).toThrow('already allocated');
  expect(any(port, port)[0]!.port).toBe(port);
});

test('connections that are closed are no hindrance, and the port is held all the same', async () => {
  // Who closes first keeps the address for a minute.
  const server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { open: socket => void socket.end(), data: () => undefined },
  });
  const { port } = server;
  await new Promise<void>(resolve => {
    void Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: { data: () => undefined, close: () => resolve() },
    });
  });
  server.stop(true);
  expect(any(port, port)[0]!.port).toBe(port);
  using other = new PortHolder();
  const request = { protocol: 'tcp', hostAddresses: ['127.0.0.1'], first: port, last: port } as const;
  expect(() => other.hold(request)).toThrow('address already in use');
  expect(() => other.hold({ ...request, hostAddresses: ['0.0.0.0'] })).toThrow('address already in use');
  expect(() => Bun.listen({ hostname: '127.0.0.1', port, socket: { data: () => undefined } })).toThrow();
});
