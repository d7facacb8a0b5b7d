// A container's network namespace, from the engine's side.
import { writeFileSync } from 'node:fs';
import { NetworkNamespace } from '../kernel/netns.ts';
import { message } from '../kernel/rtnetlink/message.ts';
import { RouteSocket } from '../kernel/rtnetlink/socket.ts';
import { errnoOf } from '../lib/errors.ts';

const LOOPBACK_INDEX = 1;

export class SandboxNamespace implements Disposable {
  #route: RouteSocket | undefined;

  private constructor(
    private readonly namespace: NetworkNamespace,
    route: RouteSocket | undefined,
  ) {
    this.#route = route;
  }

  static create(): SandboxNamespace {
    const { namespace, result: route } = NetworkNamespace.create(() => {
      // Interfaces that get no IPv6 address are to have no IPv6 at all; those that do switch it on for themselves.
      writeSysctl('net/ipv6/conf/default/disable_ipv6', '1');
      return new RouteSocket();
    });
    const sandbox = new SandboxNamespace(namespace, route);
    try {
      route.send(message.setLink(LOOPBACK_INDEX, { up: true }));
    } catch (error) {
      sandbox[Symbol.dispose]();
      throw error;
    }
    return sandbox;
  }

  static open(path: string): SandboxNamespace {
    return new SandboxNamespace(NetworkNamespace.open(path), undefined);
  }

  /** For other processes, as long as this one has it open. */
  get path(): string {
    return this.namespace.path;
  }

  get descriptor(): number {
    return this.namespace.descriptor;
  }

  /** Acts in the namespace without being in it. */
  get route(): RouteSocket {
    this.#route ??= this.namespace.visit(() => new RouteSocket());
    return this.#route;
  }

  visit<T>(work: () => T): T {
    return this.namespace.visit(work);
  }

  /** Names are paths below /proc/sys. */
  setSysctls(values: Readonly<Record<string, string>>): void {
    this.namespace.visit(() => {
      for (const [name, value] of Object.entries(values)) writeSysctl(name, value);
    });
  }

  /** The namespace stays; the socket is opened again when it is needed. */
  rest(): void {
    this.#route?.[Symbol.dispose]();
    this.#route = undefined;
  }

  [Symbol.dispose](): void {
    this.rest();
    this.namespace[Symbol.dispose]();
  }
}

/** In the namespace this thread is in. A kernel built without IPv6 has nothing to switch off. */
export function writeSysctl(name: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${name}`, value);
  } catch (error) {
    if (name.startsWith('net/ipv6/') && isMissing(error)) return;
    throw error;
  }
}

const isMissing = (error: unknown) => errnoOf(error) === 'ENOENT';
