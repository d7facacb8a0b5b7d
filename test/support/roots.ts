// The places of a test's engine. Short, because a unix socket's path may have 107 bytes.
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

const PARENT = '/tmp';
const PREFIX = 'dy-';

export interface Roots {
  /** Everything below is the engine's alone. */
  base: string;
  dataRoot: string;
  execRoot: string;
  socket: string;
  /** Cgroups of its containers are made below this one. */
  cgroupParent: string;
}

function rootsAt(base: string): Roots {
  return {
    base,
    dataRoot: `${base}/data`,
    execRoot: `${base}/run`,
    socket: `${base}/s`,
    cgroupParent: `/dockyard-test-${base.slice(base.lastIndexOf('/') + PREFIX.length + 1)}`,
  };
}

export function makeRoots(): Roots {
  const name = `${PREFIX}${Math.random().toString(36).slice(2, 8).padEnd(6, '0')}`;
  const roots = rootsAt(`${PARENT}/${name}`);
  // A sweep beside us must not find it without its owner.
  const unseen = `${PARENT}/.${name}`;
  mkdirSync(unseen, { mode: 0o711 });
  writeFileSync(`${unseen}/owner`, String(process.pid));
  renameSync(unseen, roots.base);
  return roots;
}

/** Those whose test process is no more. */
export function abandonedRoots(): Roots[] {
  return readdirSync(PARENT)
    .filter(name => /^dy-[a-z0-9]{6}$/.test(name))
    .map(name => rootsAt(`${PARENT}/${name}`))
    .filter(({ base }) => !isRunning(Number(readIfThere(`${base}/owner`))));
}

function isRunning(pid: number): boolean {
  return pid > 0 && readIfThere(`/proc/${pid}/cmdline`)?.includes('bun') === true;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Whoever owned it is gone, or never said who it is.
    return undefined;
  }
}
