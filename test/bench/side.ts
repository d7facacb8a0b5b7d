// One of the engines: its daemon, if it has one, in a network namespace and under roots of its own, and the client that
// belongs to it. Nothing of the machine's own Docker, or of its firewall, is touched.
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import type { Subprocess } from 'bun';
import { output, run } from '../support/process.ts';
import { until } from '../support/until.ts';

export interface SideOptions {
  name: string;
  client(base: string): readonly string[];
  /** Undefined for an engine that is all in its client. */
  daemon: readonly string[] | undefined;
  /** What the engine needs to find its own programs. */
  environment?: Record<string, string | undefined>;
  /** Makes the busybox image the first time. */
  seed(side: Side): Promise<void>;
}

export class Side {
  readonly base = `/tmp/bench-${Math.random().toString(36).slice(2, 8)}`;
  readonly host = `unix://${this.base}/s`;
  readonly #namespace = this.base.slice('/tmp/'.length);
  readonly #image = `${this.base}.img`;
  #daemon: Subprocess | undefined;

  constructor(readonly options: SideOptions) {}

  get name(): string {
    return this.options.name;
  }

  async open(): Promise<void> {
    mkdirSync(this.base, { mode: 0o711 });
    await this.#makeFileSystem();
    await output(['ip', 'netns', 'add', this.#namespace]);
    await output(['ip', '-n', this.#namespace, 'link', 'set', 'lo', 'up']);
    writeFileSync(`${this.base}/daemon.json`, '{}');
    mkdirSync(`${this.base}/client`);
    writeFileSync(`${this.base}/client/config.json`, '{}');
    await this.start();
    await this.options.seed(this);
  }

  /**
   * Each engine has a file system of its own, so that none pays for what the other, or an earlier round, left to clean up:
   * an ext4 without a journal, as virtual machines have it, makes files ten times slower for minutes after many are removed.
   */
  async #makeFileSystem(): Promise<void> {
    await output(['truncate', '-s', '16G', this.#image]);
    await output(['mkfs.ext4', '-q', this.#image]);
    await output(['mount', '-o', 'loop', this.#image, this.base]);
    chmodSync(this.base, 0o711);
    // In memory, as /run is.
    mkdirSync(`${this.base}/run`);
    await output(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'run', `${this.base}/run`]);
  }

  /** Resolves to the milliseconds until the daemon answered. */
  async start(): Promise<number> {
    const { base, host } = this;
    if (!this.options.daemon) return 0;
    const places = [`--data-root=${base}/data`, `--exec-root=${base}/run`, `--pidfile=${base}/pid`, `-H=${host}`];
    const log = openSync(`${base}/log`, 'a');
    const started = performance.now();
    const command = [...this.enter, ...this.options.daemon, ...places, `--config-file=${base}/daemon.json`];
    const env = this.options.environment ?? process.env;
    this.#daemon = Bun.spawn(command, { stdio: ['ignore', log, log], cwd: '/', env });
    closeSync(log);
    const daemon = this.#daemon;
    for (;;) {
      if (await answers(`${base}/s`)) return performance.now() - started;
      if (daemon.exitCode !== null || performance.now() - started > 60_000) {
        throw new Error(`${this.name} did not start:\n${readFileSync(`${base}/log`, 'utf8').slice(-3000)}`);
      }
      await Bun.sleep(1);
    }
  }

  async stop(): Promise<void> {
    const daemon = this.#daemon;
    if (!daemon) return;
    daemon.kill('SIGTERM');
    await daemon.exited;
    this.#daemon = undefined;
  }

  /** How the client is called: it needs the network only where it is the engine. */
  get #client(): string[] {
    const command = this.options.client(this.base);
    return this.options.daemon ? [...command] : [...this.enter, ...command];
  }

  /** A program in the network that the engine lives in. */
  inside(command: readonly string[]): Subprocess {
    return Bun.spawn([...this.enter, ...command], {
      stdio: ['ignore', 'ignore', 'ignore'],
      env: this.#environment,
      cwd: '/',
    });
  }

  /** Throws unless it succeeds; resolves to what the client wrote. */
  docker(...args: string[]): Promise<string> {
    return output([...this.#client, ...args], { environment: this.#environment, within: 300_000 });
  }

  /** Runs the client between two files or devices, as a shell's redirections do. */
  async redirected(args: readonly string[], from: string, to: string): Promise<void> {
    const child = Bun.spawn([...this.#client, ...args], {
      stdio: [Bun.file(from), Bun.file(to), 'inherit'],
      env: this.#environment,
    });
    if ((await child.exited) !== 0)
      throw new Error(`${this.name}: docker ${args.join(' ')}: exit code ${child.exitCode}`);
  }

  get #environment(): Record<string, string | undefined> {
    return { PATH: process.env.PATH, HOME: this.base, DOCKER_CONFIG: `${this.base}/client`, DOCKER_HOST: this.host };
  }

  /** Put before a command, runs it on this side's host. */
  get enter(): string[] {
    return ['nsenter', `--net=/run/netns/${this.#namespace}`];
  }

  /** Put before a command, runs it in a container's network, with the files of the machine. */
  async inContainer(container: string): Promise<string[]> {
    return ['nsenter', '-n', '-t', await this.docker('inspect', '-f', '{{.State.Pid}}', container)];
  }

  /** Ends what was started by `inContainer`. */
  async endInContainer(container: string, program: string): Promise<void> {
    const [, , , pid] = await this.inContainer(container);
    const namespace = readlinkSync(`/proc/${pid}/ns/net`);
    for (const name of readdirSync('/proc').filter(entry => /^\d+$/.test(entry))) {
      if (readOrNothing(`/proc/${name}/comm`).trim() !== program) continue;
      if (readlinkSync(`/proc/${name}/ns/net`) === namespace) process.kill(Number(name), 'SIGKILL');
    }
  }

  /** Sees to it that exactly so many idle containers run. */
  async populate(count: number, network = 'none'): Promise<void> {
    const names = (await this.docker('ps', '-q', '--filter', 'label=idle')).split('\n').filter(Boolean);
    const surplus = names.slice(count);
    if (surplus.length > 0) await this.docker('rm', '-f', ...surplus);
    const idle = ['run', '-d', '--label', 'idle', '--network', network, 'busybox', 'sleep', '100000'];
    for (let missing = count - names.length; missing > 0; missing--) await this.docker(...idle);
  }

  async removeAll(): Promise<void> {
    const ids = (await this.docker('ps', '-aq')).split('\n').filter(Boolean);
    if (ids.length > 0) await this.docker('rm', '-f', ...ids);
  }

  /** Proportional memory of the daemon and of all it keeps beside the containers' own processes, in MB. */
  memory(): number {
    const kilobytes = this.#marked().map(memoryOf);
    return kilobytes.reduce((sum, value) => sum + value, 0) / 1024;
  }

  /** Whose command line names our place. */
  #marked(): number[] {
    const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name));
    return pids.filter(pid => readOrNothing(`/proc/${pid}/cmdline`).includes(`${this.base}/`)).map(Number);
  }

  #processes(): number[] {
    return this.#daemon ? familyOf(this.#daemon.pid) : this.#marked();
  }

  /** The most memory that the engine and the processes it started have at any time while something is done, in MB. */
  async peakMemory(action: () => Promise<unknown>): Promise<number> {
    let peak = 0;
    let over = false;
    const watching = (async () => {
      while (!over) {
        const kilobytes = this.#processes().filter(hasMemoryOfItsOwn).map(memoryOf);
        peak = Math.max(peak, kilobytes.reduce((sum, value) => sum + value, 0) / 1024);
        await Bun.sleep(20);
      }
    })();
    try {
      await action();
    } finally {
      over = true;
      await watching;
    }
    return peak;
  }

  async close(): Promise<void> {
    try {
      if (this.#daemon || !this.options.daemon) await this.removeAll();
    } finally {
      await this.stop();
      await this.#sweep();
    }
  }

  async #sweep(): Promise<void> {
    await until(() => {
      const rest = this.#marked();
      for (const pid of rest) process.kill(pid, 'SIGKILL');
      return rest.length === 0;
    });
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const ours = mounts.map(line => line.split(' ')[4]).filter(path => path?.startsWith(`${this.base}/`));
    for (const path of ours.reverse()) await run(['umount', '-l', path!]);
    await run(['umount', '-l', this.base]);
    await run(['ip', 'netns', 'del', this.#namespace]);
    rmSync(this.base, { recursive: true, force: true });
    rmSync(this.#image, { force: true });
  }
}

/** Its share of what is in memory, in kB. */
function memoryOf(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readOrNothing(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

/** Between its fork and its exec a process has its parent's memory, which must not count twice; its command line tells. */
function hasMemoryOfItsOwn(pid: number): boolean {
  const parent = /^PPid:\s+(\d+)/m.exec(readOrNothing(`/proc/${pid}/status`))?.[1];
  return readOrNothing(`/proc/${pid}/cmdline`) !== readOrNothing(`/proc/${parent}/cmdline`);
}

/** A process and all that came of it. */
function familyOf(pid: number): number[] {
  const children = readOrNothing(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(familyOf)];
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The process has ended.
    return '';
  }
}

/** Whether an engine answers a ping: by a bare socket, which costs either side the same. */
function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path, () => socket.write('GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n'));
    socket.once('data', data => {
      resolve(data.toString().startsWith('HTTP/1.1 200'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
