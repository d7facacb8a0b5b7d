// Terminals: is it one, how large is it, and raw mode.
import { check, libc } from './libc.ts';

const c = libc({
  isatty: ['i32'],
  tcgetattr: ['i32', 'ptr'],
  tcsetattr: ['i32', 'i32', 'ptr'],
  cfmakeraw: ['ptr'],
  ioctl: ['i32', 'u64', 'ptr'],
});

const TIOCGWINSZ = 0x5413;
const TCSADRAIN = 1;
/** struct termios of glibc is 60 bytes on the architectures we run on. */
const TERMIOS_SIZE = 64;

export function isTerminal(descriptor: number): boolean {
  return c.isatty(descriptor) === 1;
}

export interface WindowSize {
  rows: number;
  columns: number;
}

/** Undefined if it isn't a terminal, or one that does not know its size. */
export function windowSize(descriptor: number): WindowSize | undefined {
  const size = new Uint16Array(4);
  if (c.ioctl(descriptor, TIOCGWINSZ, size) !== 0) return undefined;
  const [rows = 0, columns = 0] = size;
  return rows === 0 && columns === 0 ? undefined : { rows, columns };
}

/** Every byte as it is typed, nothing interpreted. Returns what brings the former mode back; calling it twice does no harm. */
export function enterRawMode(descriptor: number): () => void {
  const before = new Uint8Array(TERMIOS_SIZE);
  check(c.tcgetattr(descriptor, before), 'tcgetattr', `descriptor ${descriptor}`);
  const raw = before.slice();
  c.cfmakeraw(raw);
  check(c.tcsetattr(descriptor, TCSADRAIN, raw), 'tcsetattr', `descriptor ${descriptor}`);
  let restored = false;
  return () => {
    if (restored) return;
    restored = true;
    c.tcsetattr(descriptor, TCSADRAIN, before);
  };
}

/** Offset of c_lflag, the fourth of the flag words. */
const LOCAL_FLAGS = 12;
const ECHO = 0x8;

/** What is typed is not shown. Returns what brings the former mode back; calling it twice does no harm. */
export function disableEcho(descriptor: number): () => void {
  const before = new Uint8Array(TERMIOS_SIZE);
  check(c.tcgetattr(descriptor, before), 'tcgetattr', `descriptor ${descriptor}`);
  const silent = before.slice();
  const flags = new DataView(silent.buffer);
  flags.setUint32(LOCAL_FLAGS, flags.getUint32(LOCAL_FLAGS, true) & ~ECHO, true);
  check(c.tcsetattr(descriptor, TCSADRAIN, silent), 'tcsetattr', `descriptor ${descriptor}`);
  let restored = false;
  return () => {
    if (restored) return;
    restored = true;
    c.tcsetattr(descriptor, TCSADRAIN, before);
  };
}
