// Ports that the firewall can't lead to their container: a helper process does, from the first connection on. It may outlive
// the engine, so the record says which process it is.
import type { Socket, Subprocess } from 'bun';
import { onProcessEnd, ProcessHandle } from '../../kernel/process.ts';
import { listenOn, readinessOf } from '../../kernel/sockets.ts';
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { helperCommand } from '../../lib/self.ts';
import { watchDescriptor } from '../../lib/socket.ts';
import { untilItWorks } from '../../lib/until-it-works.ts';
import { parseAddress, requireAddress } from '../../network/addresses.ts';
import type { PortHolder } from '../../network/port-holder.ts';
import { processStartTime } from '../../runtime/proc.ts';
import type { NetworkConfig } from '../config.ts';
import type { PublishedPort } from './record.ts';

const BACKLOG = 128;
const RETRY_MS = 1000;
const PATIENCE_MS = 1000;
const SIGKILL = 9;
const LOOPBACK_6 = 1n;

type ProxyConfig = Pick<NetworkConfig, 'userlandProxy' | 'iptables' | 'ip6tables'>;

/** What comes in by IPv6 for IPv4 only, what the host sends to its own IPv6 loopback, and all where there are no rules. */
function needsProxy(port: PublishedPort, config: ProxyConfig): boolean {
  const host = parseAddress(port.hostAddress);
  if (!host || port.hostPort === 0 || !config.userlandProxy) return false;
  const { family } = requireAddress(port.containerAddress);
  if (!(family === 4 ? config.iptables : config.ip6tables)) return true;
  return host.family === 6 && (family === 4 || host.value <= LOOPBACK_6);
}

export class PortProxies implements Disposable {
  readonly #active = new Map<string, PortProxy>();
  /** Helpers that were killed, and hold their ports until they are gone. */
  readonly #ending = new Set<Promise<void>>();

  constructor(
    private readonly ports: PortHolder,
    private readonly config: ProxyConfig,
  ) {}

  /** `changed` is called when the port has got a helper. */
  watch(port: PublishedPort, changed: () => void): void {
    if (!needsProxy(port, this.config)) return;
    const fd = this.ports.descriptorOf({ protocol: port.protocol, hostAddress: port.hostAddress, port: port.hostPort });
    if (fd === undefined) return;
    if (port.protocol !== 'udp') listenOn(fd, BACKLOG);
    const proxy = new PortProxy(port, fd, changed);
    this.#active.set(keyOf(port), proxy);
    proxy.watch();
  }

  release(port: PublishedPort): void {
    this.#active.get(keyOf(port))?.[Symbol.dispose]();
    this.#active.delete(keyOf(port));
    if (!port.proxy || !hasHelper(port)) return;
    const ending = killed(port.proxy.pid)
      .catch(error => log.warn('could not end a helper', { port: port.hostPort, error: messageOf(error) }))
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Before ports are wanted: those that were given back are free. */
  async settled(): Promise<void> {
    while (this.#ending.size > 0) await Promise.all(this.#ending);
  }

  /** The helpers go on without the engine. */
  [Symbol.dispose](): void {
    for (const proxy of this.#active.values()) proxy[Symbol.dispose]();
    this.#active.clear();
  }
}

const keyOf = ({ protocol, hostAddress, hostPort }: PublishedPort) => `${protocol} ${hostAddress} ${hostPort}`;

/** Still carries connections for the port, perhaps since before the engine started. */
export const hasHelper = ({ proxy }: PublishedPort) =>
  proxy !== undefined && processStartTime(proxy.pid) === proxy.startTime;

/** Resolves when it is gone; one that will not go is waited for no longer than that. */
async function killed(pid: number): Promise<void> {
  using helper = ProcessHandle.open(pid);
  if (!helper?.signal(SIGKILL)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const forget = onProcessEnd(pid, resolve);
  const timer = setTimeout(resolve, PATIENCE_MS);
  await promise;
  clearTimeout(timer);
  forget();
}

class PortProxy implements Disposable {
  #over = false;
  #watcher: Socket<undefined> | undefined;
  #timer: Timer | undefined;

  constructor(
    private readonly port: PublishedPort,
    private readonly fd: number,
    private readonly changed: () => void,
  ) {}

  /** Nothing is read: the connection waits in the socket for the helper. */
  watch(): void {
    const noticed = () => {
      this.#watcher = undefined;
      if (!this.#over) this.#start();
    };
    const handlers = { data: () => undefined, error: () => undefined, close: noticed };
    void untilItWorks(
      async () => {
        if (this.#over) return;
        const watcher = await watchDescriptor(readinessOf(this.fd), handlers);
        if (this.#over) watcher.terminate();
        else this.#watcher = watcher;
      },
      error => log.warn('could not watch a published port', { port: this.port.hostPort, error: messageOf(error) }),
    );
  }

  #start(): void {
    const { protocol, containerAddress, containerPort } = this.port;
    const startedAt = performance.now();
    let helper: Subprocess<'pipe', 'ignore', 'ignore'>;
    try {
      helper = Bun.spawn(helperCommand('port-proxy', [protocol, containerAddress, String(containerPort)]), {
        stdio: ['pipe', 'ignore', 'ignore', this.fd],
        cwd: '/',
      });
      helper.unref();
      this.port.proxy = { pid: helper.pid, startTime: processStartTime(helper.pid) ?? '' };
      this.changed();
      // It begins when it is told, which is once the record names it: should we die before, it ends.
      void helper.stdin.write('\n');
      void helper.stdin.end();
    } catch (error) {
      log.warn('could not start a proxy for a published port', {
        port: this.port.hostPort,
        error: messageOf(error),
      });
      this.#timer = setTimeout(() => this.watch(), RETRY_MS);
      return;
    }
    void helper.exited.then(() => {
      if (this.#over) return;
      // One that ends at once must not be started without end.
      const pause = performance.now() - startedAt < RETRY_MS ? RETRY_MS : 0;
      this.#timer = setTimeout(() => this.watch(), pause);
    });
  }

  [Symbol.dispose](): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#watcher?.terminate();
  }
}
