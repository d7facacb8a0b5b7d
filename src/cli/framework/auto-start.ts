// With no engine on the default socket, root's client starts one: a single binary is a working Docker.
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { DEFAULT_SOCKET } from '../../client/endpoint.ts';
import type { ConnectionError } from '../../client/errors.ts';
import { tryLock } from '../../kernel/lock.ts';
import { programCommand } from '../../lib/self.ts';
import { connectSocket } from '../../lib/socket.ts';
import type { Cli } from './cli.ts';
import { ExitError } from './errors.ts';

const LOG_FILE = '/var/log/dockyard.log';
/** Held by the client that starts the engine: others that miss it at the same moment wait for that one. */
const LOCK_FILE = '/var/run/dockyard-start.lock';
const PATIENCE_MS = 30_000;

let started: Promise<boolean> | undefined;

/** Starts the engine once, however many connections wait for it. False if that isn't wanted or not possible. */
export function startEngine(cli: Cli, refusal: ConnectionError): Promise<boolean> {
  started ??= start(cli, refusal);
  return started;
}

async function start(cli: Cli, refusal: ConnectionError): Promise<boolean> {
  const code = refusal.cause instanceof Error && 'code' in refusal.cause ? refusal.cause.code : undefined;
  if (code !== 'ENOENT' && code !== 'ECONNREFUSED') return false;
  const unwanted = process.env.DOCKYARD_NO_AUTOSTART || cli.config().dockyardAutoStart === false;
  if (unwanted || process.getuid?.() !== 0) return false;
  const deadline = Date.now() + PATIENCE_MS;
  mkdirSync('/var/run', { recursive: true });
  const lock = openSync(LOCK_FILE, 'w', 0o600);
  try {
    while (!tryLock(lock)) {
      if (Date.now() > deadline) throw silent();
      await Bun.sleep(20);
    }
    return (await answers()) || (await launch(cli, deadline));
  } finally {
    closeSync(lock);
  }
}

async function launch(cli: Cli, deadline: number): Promise<true> {
  mkdirSync('/var/log', { recursive: true });
  const log = openSync(LOG_FILE, 'a', 0o640);
  const child = Bun.spawn(programCommand('dockerd'), {
    stdin: 'ignore',
    stdout: log,
    stderr: log,
    cwd: '/',
    // Whatever this starts must not start engines in turn.
    env: { ...process.env, DOCKYARD_NO_AUTOSTART: '1' },
    // A session of its own: closing this terminal, or Ctrl-C in it, is none of the engine's business.
    detached: true,
  });
  closeSync(log);
  child.unref();
  cli.err.line(`No engine is running: starting dockerd (pid ${child.pid}, log in ${LOG_FILE}).`);
  await cli.err.flush();
  while (Date.now() < deadline) {
    if (await answers()) return true;
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new ExitError(1, `dockerd ended with exit code ${child.exitCode ?? child.signalCode}; see ${LOG_FILE}`);
    }
    await Bun.sleep(20);
  }
  throw silent();
}

const silent = () => new ExitError(1, `dockerd did not answer within ${PATIENCE_MS / 1000} seconds; see ${LOG_FILE}`);

async function answers(): Promise<boolean> {
  try {
    (await connectSocket({ unix: DEFAULT_SOCKET })).destroy();
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
