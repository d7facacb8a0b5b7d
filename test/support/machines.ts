// Machines made of nothing but a network namespace: hosts for an engine, neighbours on its wire. Gone with the test process.
import { writeFileSync } from 'node:fs';
import type { udp } from 'bun';
import { NetworkNamespace } from '../../src/kernel/netns.ts';
import { message } from '../../src/kernel/rtnetlink/message.ts';
import { RouteSocket } from '../../src/kernel/rtnetlink/socket.ts';
import { bindSocket } from '../../src/kernel/sockets.ts';
import { addressBytes, requireAddress, requirePrefix } from '../../src/network/addresses.ts';
import { output, type Ran, run } from './process.ts';
import { until } from './until.ts';

export class Machine implements Disposable {
  private constructor(
    private readonly namespace: NetworkNamespace,
    readonly route: RouteSocket,
  ) {}

  /** One that exists: of a container, by its process. */
  static of(pid: number): Machine {
    const namespace = NetworkNamespace.open(`/proc/${pid}/ns/net`);
    return new Machine(
      namespace,
      namespace.visit(() => new RouteSocket()),
    );
  }

  static create(): Machine {
    const { namespace, result: route } = NetworkNamespace.create(() => new RouteSocket());
    route.send(message.setLink('lo', { up: true }));
    return new Machine(namespace, route);
  }

  /** Put before a command, runs it on this machine. */
  get enter(): string[] {
    return ['nsenter', `--net=${this.namespace.path}`];
  }

  get descriptor(): number {
    return this.namespace.descriptor;
  }

  run(...command: string[]): Promise<Ran> {
    return run([...this.enter, ...command]);
  }

  output(...command: string[]): Promise<string> {
    return output([...this.enter, ...command]);
  }

  /** What this process does in `work` happens on this machine; it must not wait for anything. */
  visit<T>(work: () => T): T {
    return this.namespace.visit(work);
  }

  setSysctl(name: string, value: string): void {
    this.visit(() => writeFileSync(`/proc/sys/${name}`, value));
  }

  /** With prefix lengths: "192.0.2.1/24". */
  addAddresses(link: string, ...addresses: string[]): void {
    const { index } = this.route.link(link);
    for (const text of addresses) {
      const prefix = requirePrefix(text);
      this.route.send(message.addAddress(index, { bytes: addressBytes(prefix), bits: prefix.bits }));
    }
  }

  addRoute(destination: string, gateway: string): void {
    const prefix = requirePrefix(destination);
    this.route.send(
      message.addRoute(prefix.family, {
        destination: prefix.bits === 0 ? undefined : { bytes: addressBytes(prefix), bits: prefix.bits },
        gateway: addressBytes(requireAddress(gateway)),
        link: undefined,
      }),
    );
  }

  /** A wire between two machines, an interface of the same name at each end. */
  connect(other: Machine, link: string): void {
    this.route.send(
      message.newLink({
        kind: 'veth',
        name: link,
        master: 0,
        up: false,
        peer: { name: link, namespace: other.descriptor },
      }),
    );
    for (const machine of [this, other]) machine.route.send(message.setLink(link, { up: true }));
  }

  /** Answers every datagram with what came, and from whom. */
  async echo(address: string, port: number): Promise<Disposable> {
    const bytes = addressBytes(requireAddress(address));
    const fd = this.visit(() => bindSocket({ protocol: 'udp', address: bytes, port }));
    const socket = await datagrams(fd, (data, from, sender, self) => self.send(`${data} ${sender}`, from, sender));
    return { [Symbol.dispose]: () => socket.close() };
  }

  /** What comes back for a datagram; asked again until something does. */
  async ask(address: string, port: number, question: string): Promise<string> {
    const { family } = requireAddress(address);
    const fd = this.visit(() =>
      bindSocket({ protocol: 'udp', address: new Uint8Array(family === 4 ? 4 : 16), port: 0 }),
    );
    let answer = '';
    const socket = await datagrams(fd, data => {
      answer = String(data);
    });
    try {
      await until(
        () => {
          if (answer === '') socket.send(question, port, address);
          return answer !== '';
        },
        { within: 10_000, what: `an answer from ${address} port ${port}` },
      );
      return answer;
    } finally {
      socket.close();
    }
  }

  [Symbol.dispose](): void {
    this.route[Symbol.dispose]();
    this.namespace[Symbol.dispose]();
  }
}

type OnDatagram = (data: Buffer, port: number, sender: string, socket: udp.Socket<'buffer'>) => void;

/** A socket on a descriptor, which it owns. */
export function datagrams(fd: number, received: OnDatagram): Promise<udp.Socket<'buffer'>> {
  const options = {
    fd,
    socket: { data: (socket, data, port, sender) => received(data, port, sender, socket) },
  } satisfies udp.SocketOptions<'buffer'> & { fd: number };
  return Bun.udpSocket(options);
}
