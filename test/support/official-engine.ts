// Docker's own engine, for tests of our client against a stranger, and of what a test takes for Docker's behaviour.
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import type { Subprocess } from 'bun';
import { Api } from './api.ts';
import { MARK, removeLeftovers } from './leftovers.ts';
import { busyboxLayer } from './official-busybox.ts';
import { output } from './process.ts';
import { officialClients, officialDaemon } from './programs.ts';
import { makeRoots, type Roots } from './roots.ts';
import { until } from './until.ts';

export interface OfficialOptions {
  /** With its default bridge network, and rules for it. */
  network?: boolean;
  /** What the daemon is started by: `nsenter --net=...` for a host of its own. */
  through?: readonly string[];
  /** Where its programs are looked for first. */
  path?: string;
}

/** Running, with a busybox:latest of the same content as ours. */
export async function startOfficialEngine(options: OfficialOptions = {}): Promise<OfficialEngine> {
  const roots = makeRoots();
  const engine = new OfficialEngine(roots, options);
  try {
    await engine.start();
    const layer = await busyboxLayer(`${roots.base}/busybox`);
    await engine.output('import', '--change', 'CMD ["sh"]', layer, 'busybox:latest');
    rmSync(`${roots.base}/busybox`, { recursive: true });
    return engine;
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}

export class OfficialEngine implements AsyncDisposable {
  readonly host: string;
  readonly api: Api;
  #daemon: Subprocess | undefined;

  constructor(
    readonly roots: Roots,
    private readonly options: OfficialOptions,
  ) {
    this.host = `unix://${roots.socket}`;
    this.api = new Api(roots.socket, '/v1.41');
  }

  async start(): Promise<void> {
    const { base, dataRoot, execRoot, cgroupParent } = this.roots;
    const flags = ['--data-root', dataRoot, '--exec-root', execRoot, '--pidfile', `${base}/pid`, '-H', this.host];
    const { network = false, through = [], path } = this.options;
    const quiet = ['--cgroup-parent', cgroupParent, ...(network ? [] : ['--bridge=none', '--iptables=false'])];
    const config = `${base}/daemon.json`;
    await Bun.write(config, '{}');
    const log = openSync(`${base}/log`, 'a');
    const { environment } = officialDaemon;
    const PATH = path === undefined ? environment.PATH : `${path}:${environment.PATH}`;
    const daemon = Bun.spawn([...through, officialDaemon.path, ...flags, ...quiet, '--config-file', config], {
      stdio: ['ignore', log, log],
      env: { ...environment, PATH, [MARK]: base },
    });
    closeSync(log);
    this.#daemon = daemon;
    await until(
      async () => {
        if (daemon.exitCode !== null) return true;
        return (await this.api.get('/_ping')).status === 200;
      },
      { what: "an answer of Docker's daemon" },
    );
    if (daemon.exitCode !== null) throw new Error(`Docker's daemon ended:\n${readFileSync(`${base}/log`, 'utf8')}`);
  }

  /** By its own client. */
  output(...args: string[]): Promise<string> {
    return output([officialClients[0]!, ...args], { environment: this.clientEnvironment() });
  }

  clientEnvironment(): Record<string, string | undefined> {
    const config = `${this.roots.base}/client`;
    mkdirSync(config, { recursive: true });
    return { ...process.env, DOCKER_HOST: this.host, DOCKER_CONFIG: config, DOCKER_CONTEXT: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#daemon?.kill('SIGTERM');
    await this.#daemon?.exited;
    await removeLeftovers(this.roots);
  }
}
