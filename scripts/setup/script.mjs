// What every script shares: how it says what it does, how it fails, how it runs a program.
import { spawnSync } from 'node:child_process';

/** Something the person at the keyboard can put right; shown without a stack. */
export class Failure extends Error {}

export const say = (text = '') => console.log(text);
export const step = text => console.log(`==> ${text}`);

/** Runs a script's body and ends the process with its exit code. */
export async function script(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    console.error(error instanceof Failure ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Runs a program to its end with our terminal, or fails with its output. */
export function run(command, args, { quiet = false, ...options } = {}) {
  const result = spawnSync(command, args, {
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    ...options,
  });
  if (result.status === 0) return;
  const said = quiet ? `:\n${result.stdout ?? ''}${result.stderr ?? ''}`.trimEnd() : '';
  const how = result.error?.message ?? (result.signal ? `ended by ${result.signal}` : `exit code ${result.status}`);
  throw new Failure(`${[command, ...args].join(' ')} failed (${how})${said}`);
}

export function succeeds(command, args, options = {}) {
  return spawnSync(command, args, { stdio: 'ignore', ...options }).status === 0;
}

export function requireNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) throw new Failure(`Node 20 or newer is needed; this is ${process.versions.node}.`);
  if (process.platform !== 'linux') throw new Failure(`Containers need a Linux kernel; this is ${process.platform}.`);
}

export const isRoot = () => process.getuid?.() === 0;
