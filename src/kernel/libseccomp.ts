// libseccomp turns rules into the BPF program that the kernel runs on each system call. Loaded on first use; a machine that
// has crun has it.
import { dlopen, FFIType } from 'bun:ffi';
import { cstring, errno, KernelError, libc } from './libc.ts';

export interface FilterRule {
  /** One that this libseccomp does not know is left out. */
  call: string;
  action: number;
  /** All must hold. */
  conditions: readonly FilterCondition[];
}

export interface FilterCondition {
  argument: number;
  operator: number;
  value: bigint;
  valueTwo: bigint;
}

export interface FilterRequest {
  defaultAction: number;
  /** libseccomp's names ('x86_64'); the machine's own is always among them. */
  architectures: readonly string[];
  rules: readonly FilterRule[];
}

const OPTIMIZE = 8;
const BINARY_TREE = 2;
const UNKNOWN_CALL = -1;
const EDOM = 33;
const EEXIST = 17;

const { memfd_create, close } = libc({ memfd_create: ['ptr', 'u32'], close: ['i32'] });
const { pread, lseek } = libc({ pread: ['i32', 'ptr', 'u64', 'i64'], lseek: ['i32', 'i64', 'i32'] }, 'long');

function load() {
  return dlopen('libseccomp.so.2', {
    seccomp_init: { args: [FFIType.u32], returns: FFIType.ptr },
    seccomp_release: { args: [FFIType.ptr], returns: FFIType.void },
    seccomp_arch_resolve_name: { args: [FFIType.ptr], returns: FFIType.u32 },
    seccomp_arch_add: { args: [FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    seccomp_attr_set: { args: [FFIType.ptr, FFIType.u32, FFIType.u32], returns: FFIType.i32 },
    seccomp_syscall_resolve_name: { args: [FFIType.ptr], returns: FFIType.i32 },
    seccomp_syscall_resolve_name_arch: { args: [FFIType.u32, FFIType.ptr], returns: FFIType.i32 },
    seccomp_rule_add_array: {
      args: [FFIType.ptr, FFIType.u32, FFIType.i32, FFIType.u32, FFIType.ptr],
      returns: FFIType.i32,
    },
    seccomp_export_bpf: { args: [FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
  }).symbols;
}

type Handle = NonNullable<ReturnType<ReturnType<typeof load>['seccomp_init']>>;

let library: ReturnType<typeof load> | undefined;

/** A system call's number on one architecture; undefined where that has no such call, or this libseccomp no idea of it. */
export function callNumber(architecture: string, call: string): number | undefined {
  library ??= load();
  const token = library.seccomp_arch_resolve_name(cstring(architecture));
  const number = library.seccomp_syscall_resolve_name_arch(token, cstring(call));
  return number < 0 ? undefined : number;
}

/** The program's bytes. Throws where there is no libseccomp, or when it refuses a rule. */
export function compileFilter(request: FilterRequest): Buffer {
  library ??= load();
  const context = library.seccomp_init(request.defaultAction);
  if (context === null) throw new KernelError('seccomp_init', 22, String(request.defaultAction));
  try {
    for (const name of request.architectures) {
      const token = library.seccomp_arch_resolve_name(cstring(name));
      const added = token === 0 ? -22 : library.seccomp_arch_add(context, token);
      if (added < 0 && added !== -EEXIST) throw new KernelError('seccomp_arch_add', -added, name);
    }
    // A filter is walked on every call that the kernel does not know to be allowed: a tree, not a list of hundreds.
    // Old libraries have no trees; the list does the same.
    library.seccomp_attr_set(context, OPTIMIZE, BINARY_TREE);
    for (const rule of request.rules) addRule(library, context, rule);
    return exportProgram(library, context);
  } finally {
    library.seccomp_release(context);
  }
}

function addRule(symbols: ReturnType<typeof load>, context: Handle, rule: FilterRule): void {
  const { call, action, conditions } = rule;
  const number = symbols.seccomp_syscall_resolve_name(cstring(call));
  if (number === UNKNOWN_CALL) return;
  const result = symbols.seccomp_rule_add_array(
    context,
    action,
    number,
    conditions.length,
    conditions.length === 0 ? null : packConditions(conditions),
  );
  // A rule whose action is the default one anyway is refused as superfluous; EDOM is a call no architecture here has.
  if (result < 0 && result !== -EEXIST && result !== -EDOM) {
    throw new KernelError('seccomp_rule_add', -result, call);
  }
}

/** struct scmp_arg_cmp: u32 argument, u32 operator, u64, u64. */
function packConditions(conditions: readonly FilterCondition[]): Buffer {
  const packed = Buffer.alloc(conditions.length * 24);
  conditions.forEach(({ argument, operator, value, valueTwo }, index) => {
    packed.writeUInt32LE(argument, index * 24);
    packed.writeUInt32LE(operator, index * 24 + 4);
    packed.writeBigUInt64LE(value, index * 24 + 8);
    packed.writeBigUInt64LE(valueTwo, index * 24 + 16);
  });
  return packed;
}

function exportProgram(symbols: ReturnType<typeof load>, context: Handle): Buffer {
  const fd = memfd_create(cstring('seccomp'), 1);
  if (fd < 0) throw new KernelError('memfd_create', errno(), 'seccomp');
  try {
    const result = symbols.seccomp_export_bpf(context, fd);
    if (result < 0) throw new KernelError('seccomp_export_bpf', -result, 'filter');
    const program = Buffer.alloc(lseek(fd, 0, 2));
    if (pread(fd, program, program.length, 0) !== program.length) throw new KernelError('pread', errno(), 'filter');
    return program;
  } finally {
    close(fd);
  }
}
