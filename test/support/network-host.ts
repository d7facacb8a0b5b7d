// A host with an engine, and another machine on its wire: for tests of networks with real traffic, which touch nothing of
// the machine that runs them.
import { NftSocket } from '../../src/kernel/nftables/socket.ts';
import { type EngineOptions, startEngine, type TestEngine } from './engine.ts';
import {
  type DropReason,
  droppedPackets,
  hasNftables,
  type TestFirewall,
  usualFirewall,
  withFirewall,
} from './firewalls.ts';
import { Machine } from './machines.ts';
import type { Ran } from './process.ts';
import { until } from './until.ts';

/** Of documentation networks, so that nothing of them is real. */
export const HOST = '192.0.2.1';
export const HOST6 = '2001:db8:1::1';
export const NEIGHBOUR = '192.0.2.9';
export const NEIGHBOUR6 = '2001:db8:1::9';

/** A web server: what it is called at /, who asks at /cgi-bin/who. */
export const WEB = [
  'mkdir -p /www/cgi-bin',
  'hostname > /www/index.html',
  String.raw`printf '#!/bin/sh\necho\necho "$REMOTE_ADDR"\n' > /www/cgi-bin/who`,
  'chmod +x /www/cgi-bin/who',
  'exec httpd -f -p 80 -h /www',
].join('; ');

export class NetworkHost implements AsyncDisposable {
  private constructor(
    readonly host: Machine,
    readonly neighbour: Machine,
    readonly engine: TestEngine,
    readonly firewall: TestFirewall,
  ) {}

  static async start(
    options: EngineOptions & { firewall?: TestFirewall; beforeStart?(host: Machine): void | Promise<void> } = {},
  ): Promise<NetworkHost> {
    const host = Machine.create();
    const neighbour = Machine.create();
    host.connect(neighbour, 'wire');
    host.addAddresses('wire', `${HOST}/24`, `${HOST6}/64`);
    neighbour.addAddresses('wire', `${NEIGHBOUR}/24`, `${NEIGHBOUR6}/64`);
    try {
      await options.beforeStart?.(host);
      const firewall = options.firewall ?? usualFirewall;
      const chosen = withFirewall(options, firewall);
      const engine = await startEngine({ bridge: true, ...chosen, through: host.enter });
      return new NetworkHost(host, neighbour, engine, firewall);
    } catch (error) {
      host[Symbol.dispose]();
      neighbour[Symbol.dispose]();
      throw error;
    }
  }

  docker(...args: string[]): Promise<string> {
    return this.engine.output(...args);
  }

  refused(...args: string[]): Promise<Ran> {
    return this.engine.docker(...args);
  }

  /** A container that serves its host name, and is ready to. */
  async web(name: string, ...flags: string[]): Promise<string> {
    const id = await this.docker('run', '-d', '--name', name, '--hostname', name, ...flags, 'busybox', 'sh', '-c', WEB);
    await until(async () => (await this.exec(name, 'wget', '-qO-', 'http://127.0.0.1/')) === name);
    return id;
  }

  async exec(container: string, ...command: string[]): Promise<string> {
    return (await this.engine.docker('exec', container, ...command)).stdout.trim();
  }

  /** Where commands run like on a machine, inside a container. */
  inside(container: string): Pick<Machine, 'run'> {
    return { run: (...command) => this.engine.docker('exec', container, ...command) };
  }

  remove(...containers: string[]): Promise<string> {
    return this.docker('rm', '-f', ...containers);
  }

  /** The address of a container on a network. */
  async address(container: string, network: string, family: 4 | 6 = 4): Promise<string> {
    const { NetworkSettings } = await this.engine.inspect(container);
    const endpoint = NetworkSettings?.Networks?.[network];
    return (family === 4 ? endpoint?.IPAddress : endpoint?.GlobalIPv6Address) ?? '';
  }

  [Symbol.asyncDispose] = async (): Promise<void> => {
    try {
      await this.engine[Symbol.asyncDispose]();
    } finally {
      this.host[Symbol.dispose]();
      this.neighbour[Symbol.dispose]();
    }
  };

  /** Packets that rules of ours have counted. */
  dropped(reason: DropReason): Promise<number> {
    return droppedPackets(this.host, this.firewall, reason);
  }

  /** Interfaces of the host beyond those it had at first. */
  interfaces(): string[] {
    return this.host.route
      .links()
      .map(link => link.name)
      .filter(name => name !== 'lo' && name !== 'wire' && !isOfKernel(name));
  }

  tables(): string[] {
    if (!hasNftables) return [];
    return this.host.visit(() => {
      using firewall = new NftSocket();
      return firewall.tables('inet');
    });
  }
}

/** Some kernels put interfaces of their own into every new namespace. */
export const isOfKernel = (name: string) => /^(ifb|sit|tunl|ip6tnl|gre|erspan|dummy)/.test(name);

/** What a machine or a container gets from a web server; '' when there is none. */
export async function fetchFrom(machine: Pick<Machine, 'run'>, url: string): Promise<string> {
  // Debian's busybox crashes with a time limit of its own.
  const { stdout } = await machine.run('timeout', '2', 'busybox', 'wget', '-qO-', url);
  return stdout.trim();
}
