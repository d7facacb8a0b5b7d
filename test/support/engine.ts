// An engine for one test: roots and a socket of its own, gone at the end with all it made.
//
//   await using engine = await startEngine();
//   const id = await engine.output('run', '-d', 'busybox', 'sleep', '60');
//   await engine.kill(); // -9
//   await engine.start();
//   await until(async () => (await engine.inspect(id)).State.Running);
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import type { Subprocess } from 'bun';
import type { ContainerInspectResponse } from '../../src/wire/types.ts';
import { Api } from './api.ts';
import { describeLeftovers, findLeftovers, MARK, removeLeftovers } from './leftovers.ts';
import { output, type Ran, type RunOptions, run } from './process.ts';
import { officialClient, ourClient, ourDaemon } from './programs.ts';
import { makeRoots, type Roots } from './roots.ts';
import { until } from './until.ts';

export interface EngineOptions {
  /** Flags of dockerd besides those for its places. */
  flags?: readonly string[] | ((roots: Roots) => readonly string[]);
  /** The content of daemon.json. */
  config?: Readonly<Record<string, unknown>>;
  environment?: Readonly<Record<string, string>>;
  /** With the default bridge network. Off unless it is what is tested: most tests need no network. */
  bridge?: boolean;
  /** What the daemon is started by: `nsenter --net=...` for a host of its own. */
  through?: readonly string[];
  /** Called with the places before the first start: to mount something small there, for instance. */
  prepare?(roots: Roots): void | Promise<void>;
  /** For a test that expects the daemon not to start. */
  start?: boolean;
}

/** The daemon is running when this resolves. */
export async function startEngine(options: EngineOptions = {}): Promise<TestEngine> {
  const roots = makeRoots();
  const engine = new TestEngine(roots, options);
  try {
    await options.prepare?.(roots);
    if (options.start !== false) await engine.start();
    return engine;
  } catch (error) {
    await engine.abandon();
    throw error;
  }
}

export class TestEngine implements AsyncDisposable {
  readonly socket: string;
  /** What DOCKER_HOST is. */
  readonly host: string;
  readonly api: Api;
  readonly dataRoot: string;
  readonly execRoot: string;
  #daemon: Subprocess | undefined;

  constructor(
    readonly roots: Roots,
    readonly options: EngineOptions,
  ) {
    this.socket = roots.socket;
    this.host = `unix://${roots.socket}`;
    this.api = new Api(roots.socket);
    this.dataRoot = roots.dataRoot;
    this.execRoot = roots.execRoot;
  }

  get pid(): number {
    if (!this.#daemon) throw new Error('the daemon does not run');
    return this.#daemon.pid;
  }

  /** Everything the daemon has logged, across all its starts. */
  get log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8') : '';
  }

  get #logFile(): string {
    return `${this.roots.base}/log`;
  }

  command(): string[] {
    const { base, dataRoot, execRoot, cgroupParent } = this.roots;
    const { flags: given = [], bridge = false, through = [] } = this.options;
    const flags = typeof given === 'function' ? given(this.roots) : given;
    const places = ['--data-root', dataRoot, '--exec-root', execRoot, '--pidfile', `${base}/pid`, '-H', this.host];
    const parent = flags.some(flag => flag.startsWith('--cgroup-parent')) ? [] : ['--cgroup-parent', cgroupParent];
    const config = ['--config-file', `${base}/daemon.json`];
    return [...through, ...ourDaemon, ...places, ...parent, ...config, ...(bridge ? [] : ['--bridge=none']), ...flags];
  }

  /** Starts the daemon, again after a kill or stop; resolves when it answers. */
  async start(): Promise<void> {
    if (this.#daemon) throw new Error('the daemon runs already');
    const { base } = this.roots;
    writeFileSync(`${base}/daemon.json`, JSON.stringify(this.options.config ?? {}));
    const log = openSync(this.#logFile, 'a');
    const environment = { ...process.env, ...this.options.environment, [MARK]: base };
    const daemon = Bun.spawn(this.command(), { stdio: ['ignore', log, log], env: environment, cwd: '/' });
    closeSync(log);
    this.#daemon = daemon;
    await until(
      async () => {
        if (daemon.exitCode !== null || daemon.signalCode !== null) return 'over';
        return (await this.api.get('/_ping')).status === 200;
      },
      { what: () => `an answer of the daemon; its log:\n${this.log.slice(-4000)}` },
    );
    if (daemon.exitCode === null && daemon.signalCode === null) return;
    this.#daemon = undefined;
    throw new Error(`the daemon ended with ${daemon.exitCode ?? daemon.signalCode}:\n${this.log.slice(-4000)}`);
  }

  /** At once, by default the way a crash does it. Resolves when the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const daemon = this.#daemon;
    if (!daemon) return;
    daemon.kill(signal);
    await daemon.exited;
    this.#daemon = undefined;
  }

  /** In an orderly way. Resolves to the exit code. */
  async stop(): Promise<number> {
    const daemon = this.#daemon;
    if (!daemon) return 0;
    daemon.kill('SIGTERM');
    const timer = setTimeout(() => daemon.kill('SIGKILL'), 30_000);
    const code = await daemon.exited;
    clearTimeout(timer);
    this.#daemon = undefined;
    return code;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Our client. */
  docker(...args: string[]): Promise<Ran> {
    return this.run(args);
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return run([...ourClient, ...args], this.#clientOptions(options));
  }

  /** What our client wrote to stdout; throws unless it succeeded. */
  output(...args: string[]): Promise<string> {
    return output([...ourClient, ...args], this.#clientOptions({}));
  }

  /** Docker's own client. */
  official(...args: string[]): Promise<Ran> {
    return run([officialClient(), ...args], this.#clientOptions({}));
  }

  /** Our client left running, to be talked to; the caller ends it. */
  spawn(args: readonly string[]): Subprocess<'pipe', 'pipe', 'pipe'> {
    const env = this.clientEnvironment();
    return Bun.spawn([...ourClient, ...args], { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', env });
  }

  clientEnvironment(): Record<string, string | undefined> {
    const config = `${this.roots.base}/client`;
    mkdirSync(config, { recursive: true });
    return { ...process.env, DOCKER_HOST: this.host, DOCKER_CONFIG: config, DOCKER_CONTEXT: undefined };
  }

  #clientOptions(options: RunOptions): RunOptions {
    return { ...options, environment: { ...this.clientEnvironment(), ...options.environment } };
  }

  async inspect(container: string): Promise<ContainerInspectResponse> {
    return (await this.api.get(`/containers/${container}/json`)).ok.json();
  }

  /** Removes all containers, ends the daemon, and fails the test if anything is left in the kernel. */
  async [Symbol.asyncDispose](): Promise<void> {
    let problem = '';
    try {
      if (this.#daemon) {
        await this.#removeContainers();
        const code = await this.stop();
        if (code !== 0) problem = `the daemon ended with exit code ${code}\n`;
        problem += await this.#leftovers();
      }
    } catch (error) {
      problem += Bun.inspect(error);
    }
    if (problem) problem += `\nthe end of its log:\n${this.log.slice(-3000)}`;
    await this.abandon();
    if (problem) throw new Error(`the engine did not end cleanly: ${problem}`);
  }

  /** Leaves nothing, and asks nothing. */
  async abandon(): Promise<void> {
    await this.kill();
    await removeLeftovers(this.roots);
  }

  async #removeContainers(): Promise<void> {
    const all = (await this.api.get('/containers/json?all=1')).ok.json<{ Id: string }[]>();
    const removals = await Promise.all(all.map(({ Id }) => this.api.delete(`/containers/${Id}?force=1&v=1`)));
    const refused = removals.filter(({ status }) => status !== 204 && status !== 404 && status !== 409);
    if (refused.length > 0) throw new Error(refused.map(({ text }) => text).join('\n'));
  }

  async #leftovers(): Promise<string> {
    // A conmon goes a moment after its container.
    const isClean = () => describeLeftovers(findLeftovers(this.roots)) === '';
    await until(isClean, { within: 3000 }).catch(() => {});
    const rest = describeLeftovers(findLeftovers(this.roots));
    return rest === '' ? '' : `left behind:\n${rest}`;
  }
}
