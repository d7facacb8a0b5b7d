// Signals by name and by number, in the spellings Docker takes.
import { invalid } from '../lib/errors.ts';

const REAL_TIME_MIN = 34;
const REAL_TIME_MAX = 64;

const numbers: Record<string, number> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
};

function realTime(name: string): number | undefined {
  const match = /^RT(MIN|MAX)(?:([+-])([1-9]\d?))?$/.exec(name);
  if (!match) return undefined;
  const [, end, sign, text] = match;
  const offset = Number(text ?? 0);
  if (end === 'MIN') return sign !== '-' && offset <= 15 ? REAL_TIME_MIN + offset : undefined;
  return sign !== '+' && offset <= 14 ? REAL_TIME_MAX - offset : undefined;
}

/** "TERM", "sigterm", "SIGRTMIN+3" or "15" as a number. A number is taken as it is, if it is not 0. */
export function parseSignal(text: string): number {
  if (/^[+-]?\d+$/.test(text)) {
    const number = Number(text);
    if (number === 0) throw invalid(`invalid signal: ${text}`);
    return number;
  }
  const name = text.toUpperCase().replace(/^SIG/, '');
  const number = Object.hasOwn(numbers, name) ? numbers[name] : realTime(name);
  if (number === undefined) throw invalid(`invalid signal: ${text}`);
  return number;
}

/** As `parseSignal`, for a signal to be sent now: only what Linux has. */
export function parseKillSignal(text: string): number {
  const number = parseSignal(text);
  const exists = (number >= 1 && number <= 31) || (number >= REAL_TIME_MIN && number <= REAL_TIME_MAX);
  if (!exists) throw invalid(`the linux daemon does not support signal ${number}`);
  return number;
}
