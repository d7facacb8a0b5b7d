// Debian's docker-registry, for tests against a registry that nobody here wrote.
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { Subprocess } from 'bun';
import { MARK } from './leftovers.ts';
import { until } from './until.ts';

export interface RegistryOptions {
  /** Lets nobody in but them. */
  users?: Readonly<Record<string, string>>;
}

export async function startOfficialRegistry(options: RegistryOptions = {}): Promise<OfficialRegistry> {
  const registry = new OfficialRegistry(mkdtempSync(`${tmpdir()}/dockyard-registry-`));
  try {
    await registry.start(options);
    return registry;
  } catch (error) {
    await registry[Symbol.asyncDispose]();
    throw error;
  }
}

export class OfficialRegistry implements AsyncDisposable {
  /** As it stands in an image's name. */
  host = '';
  #process: Subprocess | undefined;

  constructor(private readonly base: string) {}

  async start({ users }: RegistryOptions): Promise<void> {
    const auth = users && { auth: { htpasswd: { realm: 'test', path: `${this.base}/htpasswd` } } };
    if (users) writeFileSync(`${this.base}/htpasswd`, await htpasswd(users));
    const config = {
      version: '0.1',
      storage: { filesystem: { rootdirectory: `${this.base}/data` }, delete: { enabled: true } },
      http: { addr: '127.0.0.1:0' },
      ...auth,
    };
    // JSON is YAML.
    writeFileSync(`${this.base}/config.yml`, JSON.stringify(config));
    const log = openSync(`${this.base}/log`, 'a');
    const child = Bun.spawn(['docker-registry', 'serve', `${this.base}/config.yml`], {
      stdio: ['ignore', log, log],
      env: { ...process.env, [MARK]: this.base, OTEL_TRACES_EXPORTER: 'none' },
    });
    closeSync(log);
    this.#process = child;
    const told = () => readFileSync(`${this.base}/log`, 'utf8');
    const listening = () => (child.exitCode === null ? /listening on (127\.0\.0\.1:\d+)/.exec(told())?.[1] : 'nowhere');
    this.host = await until(listening, { what: () => `docker-registry to listen: ${told()}` });
    if (child.exitCode !== null) throw new Error(`docker-registry ended:\n${told()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.exited;
    rmSync(this.base, { recursive: true, force: true });
  }
}

async function htpasswd(users: Readonly<Record<string, string>>): Promise<string> {
  const lines = Object.entries(users).map(async ([user, password]) => {
    return `${user}:${await Bun.password.hash(password, { algorithm: 'bcrypt', cost: 4 })}\n`;
  });
  return (await Promise.all(lines)).join('');
}
