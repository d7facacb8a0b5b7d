// What a filter says of system calls younger than the libraries it is made with. It goes before libseccomp's program:
// calls of the profile that libseccomp does not know get their answer, and what is younger than all of the profile does
// "not exist". Were it forbidden instead, a new libc would not fall back to the older call.
import { callNumber, type FilterRequest } from '../../kernel/libseccomp.ts';

/** From 424 on all architectures share the numbers. */
const numbers: Record<string, number> = {
  cachestat: 451,
  fchmodat2: 452,
  map_shadow_stack: 453,
  futex_wake: 454,
  futex_wait: 455,
  futex_requeue: 456,
  statmount: 457,
  listmount: 458,
  lsm_get_self_attr: 459,
  lsm_set_self_attr: 460,
  lsm_list_modules: 461,
  mseal: 462,
  setxattrat: 463,
  getxattrat: 464,
  listxattrat: 465,
  removexattrat: 466,
};

/** How the kernel names an architecture to a filter. */
const auditCodes: Record<string, number> = {
  x86_64: 0xc000003e,
  x86: 0x40000003,
  aarch64: 0xc00000b7,
  arm: 0x40000028,
  s390x: 0x80000016,
  s390: 0x00000016,
  riscv64: 0xc00000f3,
};

/** x32 is x86_64 with this bit in the call's number. */
const X32_BIT = 0x40000000;
const ANY = 0xffffffff;

const ACTION_MASK = 0xffff0000;
const ERRNO = 0x00050000;
const ENOSYS = 38;
const DOES_NOT_EXIST = ERRNO | ENOSYS;

const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_GREATER = 0x25;
const JUMP_IF_AT_LEAST = 0x35;
const RETURN = 0x06;
const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;

interface Instruction {
  code: number;
  value: number;
  /** How many instructions to skip if the comparison holds, or not. */
  yes?: number;
  no?: number;
}

/** The part of a program before libseccomp's. Falls through for everything it has no answer to. */
export function youngCalls(request: FilterRequest): Buffer {
  const denies = (request.defaultAction & ACTION_MASK) >>> 0 === ERRNO;
  const architectures = request.architectures.filter(name => name in auditCodes);
  return assemble(architectures.flatMap(name => section(name, request, denies)));
}

function section(architecture: string, request: FilterRequest, denies: boolean): Instruction[] {
  const answers = answersFor(architecture, request);
  const body: Instruction[] = [{ code: LOAD, value: NUMBER_OFFSET }];
  for (const [number, action] of answers) {
    body.push({ code: JUMP_IF_EQUAL, value: number, no: 1 }, { code: RETURN, value: action });
  }
  if (denies && request.defaultAction !== DOES_NOT_EXIST) {
    const last = lastCall(architecture, request);
    if (architecture === 'x86_64') {
      const lastX32 = request.architectures.includes('x32') ? lastCall('x32', request) : ANY;
      body.push(
        { code: JUMP_IF_AT_LEAST, value: X32_BIT, yes: 1 },
        { code: JUMP_IF_GREATER, value: last, yes: 1, no: 2 },
        { code: JUMP_IF_GREATER, value: lastX32, no: 1 },
      );
    } else {
      body.push({ code: JUMP_IF_GREATER, value: last, no: 1 });
    }
    body.push({ code: RETURN, value: DOES_NOT_EXIST });
  }
  return [
    { code: LOAD, value: ARCHITECTURE_OFFSET },
    { code: JUMP_IF_EQUAL, value: auditCodes[architecture]!, no: body.length },
    ...body,
  ];
}

function answersFor(architecture: string, { rules }: FilterRequest): Map<number, number> {
  const answers = new Map<number, number>();
  for (const { call, action, conditions } of rules) {
    const number = numbers[call];
    if (number === undefined || conditions.length > 0 || callNumber(architecture, call) !== undefined) continue;
    answers.set(number, action);
  }
  return answers;
}

/** The youngest call that the profile speaks of. */
function lastCall(architecture: string, { rules }: FilterRequest): number {
  let last = 0;
  for (const { call } of rules) {
    const young = numbers[call];
    const shared = young !== undefined && architecture === 'x32' ? young + X32_BIT : young;
    last = Math.max(last, callNumber(architecture, call) ?? shared ?? 0);
  }
  return last;
}

function assemble(instructions: readonly Instruction[]): Buffer {
  const program = Buffer.alloc(instructions.length * 8);
  instructions.forEach(({ code, value, yes = 0, no = 0 }, index) => {
    program.writeUInt16LE(code, index * 8);
    program.writeUInt8(yes, index * 8 + 2);
    program.writeUInt8(no, index * 8 + 3);
    program.writeUInt32LE(value >>> 0, index * 8 + 4);
  });
  return program;
}
