// The host's own iptables, old or new: which of the two it is, is for the host to say.
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { kernelHasNftables } from '../../../kernel/nftables/socket.ts';
import { failed } from '../../../lib/errors.ts';
import type { Family } from '../../addresses.ts';
import { findProgram, programEnvironment, runProgram } from '../programs.ts';

const SECONDS_FOR_LOCK = '10';
const PREFIX = { 4: 'iptables', 6: 'ip6tables' } as const;
/** What all programs of the newer iptables are. */
const NEWER = 'xtables-nft-multi';

export type Verb = 'save' | 'restore';

export const programName = (family: Family, verb: Verb) => `${PREFIX[family]}-${verb}`;

/** The host's choice; but the newer kind, which is the choice of most, can do nothing where the kernel has no nf_tables. */
export function findIptables(family: Family, verb: Verb, hasNftables = kernelHasNftables): string | undefined {
  const chosen = findProgram(programName(family, verb));
  if (chosen && (!isNewer(chosen) || hasNftables())) return chosen;
  return findProgram(`${PREFIX[family]}-legacy-${verb}`);
}

const isNewer = (path: string) => basename(realpathSync(path)) === NEWER;

/** Undefined where there is none. */
export function iptablesKind(family: Family): 'newer' | 'older' | undefined {
  const path = findIptables(family, 'restore');
  if (!path) return undefined;
  return isNewer(path) ? 'newer' : 'older';
}

function requireProgram(name: string): string {
  const path = findProgram(name);
  if (!path) throw notInstalled(name);
  return path;
}

const notInstalled = (name: string) => failed(`${name} can not be found: is it installed?`);

function commandFor(family: Family, verb: Verb): string[] {
  const path = findIptables(family, verb);
  if (!path) throw notInstalled(programName(family, verb));
  return verb === 'save' ? [path] : [path, '--noflush', '-w', SECONDS_FOR_LOCK];
}

/** In the network namespace of a descriptor, or in our own. */
export async function runIptables(family: Family, verb: Verb, input = '', namespace?: number): Promise<string> {
  // The child has a descriptor of its own: ours may be closed, and its number given to another namespace, meanwhile.
  const enter = namespace === undefined ? [] : [requireProgram('nsenter'), '--net=/proc/self/fd/3'];
  const { code, stdout, stderr } = await runProgram([...enter, ...commandFor(family, verb)], input, namespace);
  if (code !== 0) throw refusal(family, verb, stderr, input);
  return stdout;
}

/** For the few moments in which nothing else may happen meanwhile. */
export function runIptablesSync(family: Family, verb: Verb, input = ''): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync(commandFor(family, verb), {
    stdin: Buffer.from(input),
    env: programEnvironment(),
  });
  if (exitCode !== 0) throw refusal(family, verb, stderr.toString(), input);
  return stdout.toString();
}

function refusal(family: Family, verb: Verb, stderr: string, input: string): Error {
  const number = Number(/line:? (\d+)/.exec(stderr)?.[1] ?? 0);
  const line = input.split('\n')[number - 1];
  const where = line && line !== 'COMMIT' ? ` (${line})` : '';
  return failed(`${programName(family, verb)} failed: ${stderr.trim() || 'it said nothing'}${where}`);
}
