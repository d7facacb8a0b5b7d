// Machines made of nothing but a network namespace: hosts for an engine, neighbours on its wire. Gone with the test process.
import { writeFileSync } from 'node:fs';
import { NetworkNamespace } from '../../src/kernel/netns.ts';
import { message, RouteSocket } from '../../src/kernel/rtnetlink.ts';
import { addressBytes, requireAddress, requirePrefix } from '../../src/network/addresses.ts';
import { output, type Ran, run } from './process.ts';

export class Machine implements Disposable {
  private constructor(
    private readonly namespace: NetworkNamespace,
    readonly route: RouteSocket,
  ) {}

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

  [Symbol.dispose](): void {
    this.route[Symbol.dispose]();
    this.namespace[Symbol.dispose]();
  }
}
