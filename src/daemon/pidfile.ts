// The file that names the daemon's process.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, failed } from '../lib/errors.ts';

/** Throws when it names a daemon that lives. */
export function writePidfile(path: string): void {
  const owner = readPid(path);
  if (owner !== undefined && owner !== process.pid && isDaemon(owner)) {
    throw failed(
      `failed to start daemon, ensure docker is not running or delete ${path}: process with PID ${owner} is still running`,
    );
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, String(process.pid), { mode: 0o644 });
}

export function removePidfile(path: string): void {
  if (readPid(path) === process.pid) rmSync(path, { force: true });
}

function readPid(path: string): number | undefined {
  const text = readIfThere(path)?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A number that another program has got since then means nothing. */
function isDaemon(pid: number): boolean {
  if (!existsSync(`/proc/${pid}`)) return false;
  return (readIfThere(`/proc/${pid}/cmdline`) ?? '').includes('dockerd');
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // ESRCH: the process ended while we read about it.
    if (['ENOENT', 'ESRCH'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}
