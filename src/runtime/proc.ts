// What /proc tells about a process.
import { errnoOf } from '../lib/errors.ts';
import { readText } from './cgroups/files.ts';

export interface ProcessStat {
  pid: number;
  command: string;
  state: string;
  parent: number;
  session: number;
  /** Device number of its terminal, 0 without one. */
  terminal: number;
  userTicks: number;
  systemTicks: number;
  /** In ticks since the machine started. */
  startTicks: string;
}

/** Reads /proc/<pid>/stat; undefined for a process that is gone. */
export function processStat(pid: number, proc = '/proc'): ProcessStat | undefined {
  const text = readProcess(`${proc}/${pid}/stat`);
  if (text === undefined) return undefined;
  // The command may hold spaces and brackets of its own: the last bracket is the one that ends it.
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const rest = text.slice(close + 2).split(' ');
  return {
    pid,
    command: text.slice(open + 1, close),
    state: rest[0]!,
    parent: Number(rest[1]),
    session: Number(rest[3]),
    terminal: Number(rest[4]),
    userTicks: Number(rest[11]),
    systemTicks: Number(rest[12]),
    startTicks: rest[19]!,
  };
}

/** Together with the number this names a process for good, until the machine restarts. */
export function processStartTime(pid: number): string | undefined {
  return processStat(pid)?.startTicks;
}

/** A process that ends while its file is read gives ESRCH, one that ended before gives ENOENT. */
export function readProcess(file: string): string | undefined {
  try {
    return readText(file);
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return undefined;
    throw error;
  }
}
