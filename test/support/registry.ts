// A registry of a test's own, as a process: `await using registry = await startRegistry()`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ourDockyard } from './programs.ts';
import { until } from './until.ts';

export interface TestRegistry extends AsyncDisposable {
  /** http://127.0.0.1:<port> */
  readonly url: string;
  /** 127.0.0.1:<port> */
  readonly host: string;
  readonly root: string;
  readonly pid: number;
  /** What it has said since its last start. */
  log(): string;
  /** Starts another process on the same root, at another port. */
  restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** `flags` beside the address and the root. */
export async function startRegistry(flags: readonly string[] = []): Promise<TestRegistry> {
  const root = mkdtempSync(join(tmpdir(), 'dockyard-registry-'));
  let running = await start(root, flags).catch(error => {
    rmSync(root, { recursive: true });
    throw error;
  });
  const stop = async (signal: 'SIGTERM' | 'SIGKILL') => {
    running.child.kill(signal);
    await running.child.exited;
  };
  return {
    root,
    get url() {
      return running.url;
    },
    get host() {
      return new URL(running.url).host;
    },
    get pid() {
      return running.child.pid;
    },
    log: () => running.log(),
    async restart(signal) {
      await stop(signal);
      running = await start(root, flags);
    },
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL');
      rmSync(root, { recursive: true });
    },
  };
}

async function start(root: string, flags: readonly string[]) {
  const command = [...ourDockyard, 'registry', 'serve', '--addr=127.0.0.1:0', `--root=${root}`, ...flags];
  const child = Bun.spawn(command, { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' });
  let log = '';
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) log += decoder.decode(chunk, { stream: true });
  })();
  const ready = () => {
    if (child.exitCode !== null) return 'ended';
    return /the registry is ready" url=(\S+)/.exec(log)?.[1];
  };
  const url = await until(ready, { what: () => `the registry's readiness: ${log}` });
  if (url !== 'ended') return { child, url, log: () => log };
  await reading;
  throw new Error(`the registry did not start: ${log}`);
}
