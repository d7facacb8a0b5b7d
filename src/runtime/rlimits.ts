// Resource limits (`--ulimit`): names, numbers, and what the engine is able to grant.
import { invalid } from '../lib/errors.ts';

export interface Rlimit {
  /** -1 is unlimited. */
  soft: number;
  hard: number;
}

/** By Docker's name; the text is how /proc/<pid>/limits calls it. */
const titles: Record<string, string> = {
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
};

/** Reads the text of a /proc/<pid>/limits. */
export function parseRlimits(text: string): Record<string, Rlimit> {
  const limits: Record<string, Rlimit> = {};
  const number = (word: string | undefined) => (word === 'unlimited' ? -1 : Number(word));
  for (const [name, title] of Object.entries(titles)) {
    const line = text.split('\n').find(each => each.startsWith(`${title} `));
    const [soft, hard] = line?.slice(title.length).trim().split(/\s+/) ?? [];
    if (hard !== undefined) limits[name] = { soft: number(soft), hard: number(hard) };
  }
  return limits;
}

export function checkRlimit(name: string, { soft, hard }: Rlimit): void {
  if (!Object.hasOwn(titles, name)) throw invalid(`invalid ulimit type: ${name}`);
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
}

const atMost = (value: number, most: number) => (most === -1 ? value : value === -1 ? most : Math.min(value, most));

/** What an engine with `own` limits can grant if it may not raise them. */
export function clampRlimit(wanted: Rlimit, own: Rlimit): Rlimit {
  return { soft: atMost(wanted.soft, own.hard), hard: atMost(wanted.hard, own.hard) };
}
