// A profile as a finished BPF program. crun needs more time to make one than for all the rest of a container's start; it
// takes one that is ready, and the same few serve all containers of an engine.
import { compileFilter, type FilterRule } from '../../kernel/libseccomp.ts';
import { invalid, messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import type { OciSeccomp, OciSyscallRule } from '../oci/types.ts';
import { youngCalls } from './young-calls.ts';

/** crun takes the program from here, in base64, instead of the rules; other runtimes read the rules. */
export const FILTER_ANNOTATION = 'run.oci.seccomp_bpf_data';

const EPERM = 1;
const MOST_KEPT = 64;
const made = new Map<string, string>();

/** In base64; undefined where it is better left to the runtime. */
export function filterProgram(seccomp: OciSeccomp): string | undefined {
  // Their notifications need the runtime's help.
  if (seccomp.listenerPath !== undefined) return undefined;
  const key = JSON.stringify(seccomp, (_name, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  const known = made.get(key);
  if (known !== undefined) return known;
  const program = make(seccomp);
  if (program === undefined) return undefined;
  if (made.size >= MOST_KEPT) made.delete(made.keys().next().value!);
  made.set(key, program);
  return program;
}

let available = true;

function make(seccomp: OciSeccomp): string | undefined {
  if (!available) return undefined;
  const defaultAction = actionCode(seccomp.defaultAction, seccomp.defaultErrnoRet);
  const rules = (seccomp.syscalls ?? []).flatMap(rule => filterRules(rule, defaultAction));
  const architectures = (seccomp.architectures ?? []).map(name => name.replace(/^SCMP_ARCH_/, '').toLowerCase());
  try {
    const program = compileFilter({ defaultAction, architectures, rules });
    return Buffer.concat([youngCalls({ defaultAction, architectures, rules }), program]).toString('base64');
  } catch (error) {
    available = false;
    log.warn('seccomp filters are left to the runtime, which makes every start slower', { error: messageOf(error) });
    return undefined;
  }
}

const actions: Record<string, number> = {
  KILL: 0,
  KILL_THREAD: 0,
  KILL_PROCESS: 0x80000000,
  TRAP: 0x00030000,
  ERRNO: 0x00050000,
  NOTIFY: 0x7fc00000,
  TRACE: 0x7ff00000,
  LOG: 0x7ffc0000,
  ALLOW: 0x7fff0000,
};

function actionCode(name: string, errno: number | undefined): number {
  const short = name.replace(/^SCMP_ACT_/, '');
  const code = name === short ? undefined : actions[short];
  if (code === undefined) throw invalid(`invalid seccomp action \`${name}\``);
  if (short === 'ERRNO' || short === 'TRACE') return code | ((errno ?? EPERM) & 0xffff);
  if (errno !== undefined) throw invalid(`errno value specified for action \`${name}\``);
  return code;
}

const operators: readonly string[] = ['', 'NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'];

function operatorCode(name: string): number {
  const code = operators.indexOf(name.replace(/^SCMP_CMP_/, ''));
  if (code <= 0) throw invalid(`invalid seccomp operator \`${name}\``);
  return code;
}

function filterRules(rule: OciSyscallRule, defaultAction: number): FilterRule[] {
  const action = actionCode(rule.action, rule.errnoRet);
  if (action === defaultAction) return [];
  const conditions = (rule.args ?? []).map(({ index, value, valueTwo, op }) => {
    if (index > 5) throw invalid(`invalid seccomp index ${index}`);
    return { argument: index, operator: operatorCode(op), value: BigInt(value), valueTwo: BigInt(valueTwo ?? 0) };
  });
  // Two conditions on one argument cannot be in one rule: then, as runtimes have it, each is enough by itself.
  const distinct = new Set(conditions.map(condition => condition.argument)).size === conditions.length;
  const alternatives = distinct ? [conditions] : conditions.map(condition => [condition]);
  return rule.names.flatMap(call => alternatives.map(each => ({ call, action, conditions: each })));
}
