// The directories of one engine: made, and held against a second one.
import { chmodSync, existsSync, mkdirSync, openSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from '../kernel/lock.ts';
import { failed } from '../lib/errors.ts';

/** Where state goes if the usual place is another engine's. */
const OWN_DATA_ROOT = '/var/lib/dockyard';
const STATE_FILE = 'state.db';

/**
 * The default data root is Docker's, unless Docker itself has been there: its data is left alone, and ours goes beside.
 * Wherever ours is already, there it stays.
 */
export function defaultDataRoot(usual: string): string {
  const ours = [usual, OWN_DATA_ROOT].find(path => existsSync(join(path, STATE_FILE)));
  return ours ?? (isForeign(usual) ? OWN_DATA_ROOT : usual);
}

/** Holds the data of an engine that is not ours. */
export function isForeign(dataRoot: string): boolean {
  if (existsSync(join(dataRoot, STATE_FILE))) return false;
  return ['image', 'overlay2', 'containerd', 'buildkit', 'swarm'].some(name => hasEntries(join(dataRoot, name)));
}

function hasEntries(path: string): boolean {
  return existsSync(path) && readdirSync(path).length > 0;
}

/** Both roots exist afterwards, as real paths, and are this process's until it ends. */
export function takePlaces(dataRoot: string, execRoot: string): { dataRoot: string; execRoot: string } {
  if (isForeign(dataRoot)) {
    throw failed(`${dataRoot} holds the data of another container engine; start with another --data-root`);
  }
  const places = {
    dataRoot: makeDirectory(dataRoot, 0o710),
    execRoot: makeDirectory(execRoot, 0o711),
  };
  hold(places.dataRoot, '--data-root');
  if (places.execRoot !== places.dataRoot) hold(places.execRoot, '--exec-root');
  return places;
}

function makeDirectory(path: string, mode: number): string {
  if (!existsSync(path)) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, mode);
  }
  return realpathSync(path);
}

/**
 * When an engine is killed while it spawns a process, that process holds the engine's descriptors, and with them the lock, until it
 * has become its own program. Its successor waits for that, in milliseconds.
 */
const RELEASE_TIME = 1000;

/** The lock is the open file's and ends with this process, however it ends; so nobody closes it. */
function hold(root: string, flag: string): void {
  const fd = openSync(join(root, 'dockyard.lock'), 'w', 0o600);
  const deadline = performance.now() + RELEASE_TIME;
  while (!tryLock(fd) && performance.now() < deadline) Bun.sleepSync(10);
  if (!tryLock(fd)) throw failed(`another engine runs on ${root}; every engine needs a ${flag} of its own`);
}
