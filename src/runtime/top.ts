// `docker top`: the processes of a container as `ps` shows them. Plain `-ef` is answered from /proc, so that it needs
// neither a process nor a `ps` on this machine; every other wish goes to the machine's own `ps`.
import { readFileSync, statSync } from 'node:fs';
import { errnoOf, failed, invalid } from '../lib/errors.ts';
import type { ContainerTopResponse } from '../wire/types.ts';
import { readText } from './cgroups/files.ts';
import { type ProcessStat, processStat, readProcess } from './proc.ts';

export async function processTable(pids: readonly number[], psArguments: string): Promise<ContainerTopResponse> {
  checkArguments(psArguments);
  return psArguments === '' || psArguments === '-ef' ? fullFormat(pids) : await askPs(pids, psArguments);
}

/** Without the column of that name nobody could tell whose process a line is. */
function checkArguments(psArguments: string): void {
  for (const [, column, title] of psArguments.matchAll(/\s+([^\s]*)=\s*(PID[^\s]*)/g)) {
    if (column !== 'pid') throw failed(`specifying "${column}=${title}" is not allowed`);
  }
}

const TICKS_PER_SECOND = 100;

/** What `ps -ef` prints. */
function fullFormat(pids: readonly number[]): ContainerTopResponse {
  const now = Date.now() / 1000;
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ', 1)[0]);
  const names = hostUserNames();
  const rows: string[][] = [];
  for (const pid of pids) {
    const stat = processStat(pid);
    const uid = stat && ownerOf(pid);
    if (!stat || uid === undefined) continue;
    const ticks = stat.userTicks + stat.systemTicks;
    const age = uptime - Number(stat.startTicks) / TICKS_PER_SECOND;
    rows.push([
      shortName(names.get(uid) ?? String(uid)),
      String(pid),
      String(stat.parent),
      String(processorUse(ticks, age)),
      startTime(now - age, now),
      terminalName(stat.terminal),
      clock(Math.floor(ticks / TICKS_PER_SECOND)),
      commandLine(stat),
    ]);
  }
  return { Titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'], Processes: rows };
}

/** Whose rights it acts with; undefined if it is gone. */
function ownerOf(pid: number): number | undefined {
  try {
    return statSync(`/proc/${pid}`).uid;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function hostUserNames(): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of readText('/etc/passwd')?.split('\n') ?? []) {
    const [name, , uid] = line.split(':');
    if (name && uid && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}

const shortName = (name: string) => (name.length > 8 ? `${name.slice(0, 7)}+` : name);

/** In percent of its life. */
function processorUse(ticks: number, age: number): number {
  return age <= 0 ? 0 : Math.min(99, Math.floor(((ticks / TICKS_PER_SECOND) * 100) / age));
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (number: number) => String(number).padStart(2, '0');

/** The time for one of today, the day for one of this year, the year for all others. */
function startTime(seconds: number, now: number): string {
  const start = new Date(seconds * 1000);
  const today = new Date(now * 1000);
  if (start.getFullYear() !== today.getFullYear()) return String(start.getFullYear());
  if (start.toDateString() !== today.toDateString()) return `${months[start.getMonth()]}${two(start.getDate())}`;
  return `${two(start.getHours())}:${two(start.getMinutes())}`;
}

function terminalName(device: number): string {
  if (device === 0) return '?';
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`;
  if (major === 5 && minor === 1) return 'console';
  return '?';
}

function clock(seconds: number): string {
  const days = Math.floor(seconds / 86400);
  const time = `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return days > 0 ? `${two(days)}-${time}` : time;
}

function commandLine({ pid, command, state }: ProcessStat): string {
  if (state === 'Z') return `[${command}] <defunct>`;
  const words = readProcess(`/proc/${pid}/cmdline`)?.replace(/\0+$/, '') ?? '';
  if (words === '') return `[${command}]`;
  // Control characters would play with the terminal of whoever looks; the table's columns are single spaced.
  return fields(words.replaceAll('\0', ' ').replace(/[\x01-\x08\x0e-\x1f\x7f]/g, '?')).join(' ');
}

/** Only ASCII blanks part the columns: a command line may have others. */
const fields = (line: string) => line.split(/[\t\n\f\r ]+/).filter(word => word !== '');

async function askPs(pids: readonly number[], psArguments: string): Promise<ContainerTopResponse> {
  const args = psArguments.split(' ');
  // Some options do not go with a choice of processes: then all are listed, and chosen here.
  let result = await runPs([...args, `-q${pids.join(',')}`]);
  if (result.code !== 0) result = await runPs(args);
  if (result.code !== 0) throw failed(`ps: ${result.errors.split('\n', 1)[0] || `exit status ${result.code}`}`);
  return chooseLines(result.output, new Set(pids));
}

async function runPs(args: readonly string[]): Promise<{ code: number; output: string; errors: string }> {
  let child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  try {
    child = Bun.spawn(['ps', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw failed('ps: it is not installed on this machine, and only plain `-ef` can do without it', error);
  }
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, output, errors };
}

/** The lines of `ps` for these processes, threads listed below them included. */
export function chooseLines(output: string, pids: ReadonlySet<number>): ContainerTopResponse {
  const [head = '', ...lines] = output.split('\n');
  const titles = fields(head);
  const column = titles.indexOf('PID');
  if (column < 0) throw failed("Couldn't find PID field in ps output");
  const rows: string[][] = [];
  let belongs = false;
  for (const line of lines) {
    if (line === '') continue;
    const words = fields(line);
    const pid = words[column] ?? '';
    if (pid !== '-') {
      if (!/^\d+$/.test(pid)) throw invalid(`Unexpected pid '${pid}'`);
      belongs = pids.has(Number(pid));
    }
    if (belongs) rows.push([...words.slice(0, titles.length - 1), words.slice(titles.length - 1).join(' ')]);
  }
  return { Titles: titles, Processes: rows };
}
