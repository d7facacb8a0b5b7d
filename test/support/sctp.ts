// SCTP by the kernel's own sockets: hardly a machine has a program that speaks it, and not every kernel does.
import { closeSync } from 'node:fs';
import { KernelError } from '../../src/kernel/libc.ts';
import { bindSocket, connectStream, listenOn } from '../../src/kernel/sockets.ts';
import { connectSocket, listenHandlers } from '../../src/lib/socket.ts';
import { addressBytes, requireAddress } from '../../src/network/addresses.ts';
import type { Machine } from './machines.ts';

export function kernelHasSctp(): boolean {
  try {
    closeSync(bindSocket({ protocol: 'sctp', address: new Uint8Array(4), port: 0 }));
    return true;
  } catch (error) {
    if (error instanceof KernelError && error.code === 'EPROTONOSUPPORT') return false;
    throw error;
  }
}

/** Answers every message with a name, and what came. */
export function serveSctp(machine: Machine, address: string, port: number, name: string): Disposable {
  const fd = machine.visit(() =>
    bindSocket({ protocol: 'sctp', address: addressBytes(requireAddress(address)), port }),
  );
  listenOn(fd, 16);
  const options: unknown = {
    fd,
    socket: listenHandlers(async stream => {
      for await (const chunk of stream.input) void stream.write(Buffer.from(`${name}: ${Buffer.from(chunk)}`));
      stream.destroy();
    }),
  };
  const server = Bun.listen(options as Parameters<typeof Bun.listen>[0]);
  return { [Symbol.dispose]: () => server.stop(true) };
}

/** What comes back for a message, '' where nobody answers. */
export async function askSctp(machine: Machine, address: string, port: number, question: string): Promise<string> {
  let fd: number;
  try {
    fd = machine.visit(() => connectStream(addressBytes(requireAddress(address)), port, 'sctp'));
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ECONNREFUSED') return '';
    throw error;
  }
  const stream = await connectSocket({ fd });
  const timer = setTimeout(() => stream.destroy(), 5000);
  try {
    void stream.write(Buffer.from(question));
    for await (const chunk of stream.input) return String(Buffer.from(chunk));
    return '';
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
}
