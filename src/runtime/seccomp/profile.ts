// Seccomp profiles in Docker's format: OCI's rules with conditions on them. Compiled for one container they are plain OCI.
import { invalid, messageOf } from '../../lib/errors.ts';
import { isJsonObject, type JsonObject } from '../../lib/json-object.ts';
import type { OciSeccomp, OciSyscallArgument, OciSyscallRule } from '../oci/types.ts';

export interface KernelVersion {
  version: number;
  major: number;
}

export interface Condition {
  caps?: readonly string[];
  arches?: readonly string[];
  minKernel?: KernelVersion;
}

export interface Rule {
  names: readonly string[];
  action: string;
  errnoRet?: number;
  args?: readonly OciSyscallArgument[];
  includes?: Condition;
  excludes?: Condition;
}

export interface Profile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: readonly string[];
  archMap?: readonly { architecture: string; subArchitectures: readonly string[] }[];
  flags?: readonly string[];
  listenerPath?: string;
  listenerMetadata?: string;
  rules: readonly Rule[];
}

export interface Target {
  /** As Go names it: 'amd64', 'arm64'... */
  architecture: string;
  kernel: KernelVersion;
  /** The container's bounding set. */
  capabilities: readonly string[];
}

const seccompArchitectures: Record<string, string> = {
  amd64: 'SCMP_ARCH_X86_64',
  arm64: 'SCMP_ARCH_AARCH64',
  s390x: 'SCMP_ARCH_S390X',
  riscv64: 'SCMP_ARCH_RISCV64',
  ppc64le: 'SCMP_ARCH_PPC64LE',
  loong64: 'SCMP_ARCH_LOONGARCH64',
};

/** The block for config.json; undefined for a profile that says nothing at all. */
export function compileProfile(profile: Profile, target: Target): OciSeccomp | undefined {
  if (profile.defaultAction === '' && profile.rules.length === 0) return undefined;
  const native = seccompArchitectures[target.architecture];
  const mapped = profile.archMap?.find(each => each.architecture === native);
  const architectures = mapped
    ? [mapped.architecture, ...mapped.subArchitectures]
    : profile.architectures && [...profile.architectures];
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet !== undefined && { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures?.length && { architectures }),
    ...(profile.flags?.length && { flags: [...profile.flags] }),
    ...(profile.listenerPath && { listenerPath: profile.listenerPath }),
    ...(profile.listenerMetadata && { listenerMetadata: profile.listenerMetadata }),
    syscalls: profile.rules.filter(rule => applies(rule, target)).map(plainRule),
  };
}

function applies({ includes, excludes }: Rule, target: Target): boolean {
  if (excludes) {
    if (excludes.arches?.includes(target.architecture)) return false;
    if (excludes.caps?.some(name => target.capabilities.includes(name))) return false;
    if (excludes.minKernel && atLeast(target.kernel, excludes.minKernel)) return false;
  }
  if (includes) {
    if (includes.arches?.length && !includes.arches.includes(target.architecture)) return false;
    if (includes.caps?.some(name => !target.capabilities.includes(name))) return false;
    if (includes.minKernel && !atLeast(target.kernel, includes.minKernel)) return false;
  }
  return true;
}

function atLeast(kernel: KernelVersion, wanted: KernelVersion): boolean {
  return kernel.version > wanted.version || (kernel.version === wanted.version && kernel.major >= wanted.major);
}

function plainRule(rule: Rule): OciSyscallRule {
  return {
    names: [...rule.names],
    action: rule.action,
    ...(rule.errnoRet !== undefined && { errnoRet: rule.errnoRet }),
    ...(rule.args?.length && { args: [...rule.args] }),
  };
}

/** Reads a profile that a user gave, JSON in Docker's format. */
export function parseProfile(text: string): Profile {
  try {
    return readProfile(JSON.parse(text, exactNumbers));
  } catch (error) {
    throw invalid(`Decoding seccomp profile failed: ${messageOf(error)}`, error);
  }
}

/** Arguments are compared as 64 bits; a JavaScript number has 53. */
function exactNumbers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(context?.source ?? '') ? BigInt(context?.source ?? 0) : value;
}

function readProfile(json: unknown): Profile {
  const top = fields(json, 'profile');
  const { architectures, archMap } = top;
  if (list(architectures).length > 0 && list(archMap).length > 0) {
    throw new Error(
      "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'",
    );
  }
  return {
    defaultAction: text(top['defaultAction'], 'defaultAction') ?? '',
    defaultErrnoRet: count(top['defaultErrnoRet'], 'defaultErrnoRet'),
    architectures: texts(architectures, 'architectures'),
    archMap: list(archMap).map(each => {
      const entry = fields(each, 'archMap');
      return {
        architecture: text(entry['architecture'], 'architecture') ?? '',
        subArchitectures: texts(entry['subArchitectures'], 'subArchitectures'),
      };
    }),
    flags: texts(top['flags'], 'flags'),
    listenerPath: text(top['listenerPath'], 'listenerPath'),
    listenerMetadata: text(top['listenerMetadata'], 'listenerMetadata'),
    rules: list(top['syscalls']).map(readRule),
  };
}

function readRule(json: unknown): Rule {
  const rule = fields(json, 'syscalls');
  const name = text(rule['name'], 'name') ?? '';
  const names = texts(rule['names'], 'names');
  if (name !== '' && names.length > 0) {
    throw new Error("both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'");
  }
  return {
    names: name === '' ? names : [name],
    action: text(rule['action'], 'action') ?? '',
    errnoRet: count(rule['errnoRet'], 'errnoRet'),
    args: list(rule['args']).map(readArgument),
    includes: readCondition(rule['includes']),
    excludes: readCondition(rule['excludes']),
  };
}

function readArgument(json: unknown): OciSyscallArgument {
  const argument = fields(json, 'args');
  return {
    index: count(argument['index'], 'index') ?? 0,
    value: word(argument['value'], 'value') ?? 0,
    valueTwo: word(argument['valueTwo'], 'valueTwo'),
    op: text(argument['op'], 'op') ?? '',
  };
}

function readCondition(json: unknown): Condition | undefined {
  if (json === undefined || json === null) return undefined;
  const condition = fields(json, 'condition');
  return {
    caps: texts(condition['caps'], 'caps'),
    arches: texts(condition['arches'], 'arches'),
    minKernel: readKernel(condition['minKernel']),
  };
}

function readKernel(json: unknown): KernelVersion | undefined {
  const wanted = text(json, 'minKernel');
  if (wanted === undefined || wanted === '') return undefined;
  const match = /^(\d{1,3})\.(\d{1,3})$/.exec(wanted);
  const [version, major] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || version > 255 || major > 255) {
    throw new Error(`invalid kernel version: "${wanted}", expected "<kernel>.<major>"`);
  }
  if (version === 0 && major === 0) {
    throw new Error(`invalid kernel version: "${wanted}", expected "<kernel>.<major>": version cannot be 0.0`);
  }
  return { version, major };
}

function fields(json: unknown, where: string): JsonObject {
  if (!isJsonObject(json)) throw new Error(`${where} must be an object`);
  return json;
}

function list(json: unknown): unknown[] {
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json)) throw new Error('a list is expected');
  return json;
}

function text(json: unknown, where: string): string | undefined {
  if (json === undefined || json === null) return undefined;
  if (typeof json !== 'string') throw new Error(`${where} must be a string`);
  return json;
}

function texts(json: unknown, where: string): string[] {
  return list(json).map(each => text(each, where) ?? '');
}

function count(json: unknown, where: string): number | undefined {
  if (json === undefined || json === null) return undefined;
  if (typeof json !== 'number' || !Number.isInteger(json) || json < 0) {
    throw new Error(`${where} must be a whole number`);
  }
  return json;
}

function word(json: unknown, where: string): number | bigint | undefined {
  if (typeof json === 'bigint' && json >= 0n && json < 1n << 64n) return json;
  return count(json, where);
}
