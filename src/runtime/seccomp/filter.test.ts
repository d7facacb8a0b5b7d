import { expect, test } from 'bun:test';
import { defaultCapabilities } from '../capabilities.ts';
import { defaultProfile } from './default-profile.ts';
import { filterProgram } from './filter.ts';
import { compileProfile, type Profile, parseProfile } from './profile.ts';

const X86_64 = 0xc000003e;
const I386 = 0x40000003;
const ALLOW = 0x7fff0000;
const EPERM = 0x50001;
const ENOSYS = 0x50026;

/** What the kernel does with a program, for the instructions that seccomp programs have. */
function decide(program: Buffer, architecture: number, call: number, ...args: number[]): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call, 0);
  data.writeUInt32LE(architecture, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(BigInt(value), 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    const code = program.readUInt16LE(at * 8);
    const [yes, no] = [program[at * 8 + 2]!, program[at * 8 + 3]!];
    const value = program.readUInt32LE(at * 8 + 4);
    if (code === 0x20) accumulator = data.readUInt32LE(value);
    else if (code === 0x54) accumulator = (accumulator & value) >>> 0;
    else if (code === 0x05) at += value;
    else if (code === 0x15) at += accumulator === value ? yes : no;
    else if (code === 0x25) at += accumulator > value ? yes : no;
    else if (code === 0x35) at += accumulator >= value ? yes : no;
    else if (code === 0x45) at += (accumulator & value) !== 0 ? yes : no;
    else if (code === 0x06) return value;
    else throw new Error(`instruction ${code}`);
  }
}

function programOf(profile: Profile, capabilities: readonly string[] = defaultCapabilities): Buffer {
  const target = { architecture: 'amd64', kernel: { version: 6, major: 1 }, capabilities };
  const program = filterProgram(compileProfile(profile, target)!);
  if (program === undefined) throw new Error('there is no libseccomp here: install libseccomp2');
  return Buffer.from(program, 'base64');
}

const onX86 = process.arch === 'x64';

test.if(onX86)('the default profile allows what programs need, and nothing that makes namespaces', () => {
  const program = programOf(defaultProfile);
  const [read, socket, clone, ptrace, personality, mount, unshare, clone3, ioUringSetup] = [
    0, 41, 56, 101, 135, 165, 272, 435, 425,
  ] as const;
  const newUser = 0x10000000;
  expect(decide(program, X86_64, read)).toBe(ALLOW);
  expect(decide(program, X86_64, ptrace)).toBe(ALLOW);
  expect(decide(program, X86_64, mount)).toBe(EPERM);
  expect(decide(program, X86_64, unshare, newUser)).toBe(EPERM);
  expect(decide(program, X86_64, ioUringSetup)).toBe(EPERM);
  expect(decide(program, X86_64, clone3)).toBe(ENOSYS);
  expect(decide(program, X86_64, clone, 0x11)).toBe(ALLOW);
  expect(decide(program, X86_64, clone, 0x11 | newUser)).toBe(EPERM);
  expect([2, 38, 39, 40, 44].map(family => decide(program, X86_64, socket, family))).toEqual([
    ALLOW,
    EPERM,
    ALLOW,
    EPERM,
    ALLOW,
  ]);
  expect(decide(program, X86_64, personality, 0)).toBe(ALLOW);
  expect(decide(program, X86_64, personality, 0x40000)).toBe(EPERM);
});

test.if(onX86)('32 bit programs are filtered by their own numbers', () => {
  const program = programOf(defaultProfile);
  const [read, mount] = [3, 21] as const;
  expect(decide(program, I386, read)).toBe(ALLOW);
  expect(decide(program, I386, mount)).toBe(EPERM);
});

test.if(onX86)('a foreign architecture ends the process', () => {
  expect(decide(programOf(defaultProfile), 0xc00000b7, 63)).toBe(0);
});

test.if(onX86)('capabilities open the calls they are for', () => {
  const program = programOf(defaultProfile, [...defaultCapabilities, 'CAP_SYS_ADMIN']);
  const [mount, clone, clone3, reboot] = [165, 56, 435, 169] as const;
  expect(decide(program, X86_64, mount)).toBe(ALLOW);
  expect(decide(program, X86_64, clone, 0x10000000)).toBe(ALLOW);
  expect(decide(program, X86_64, clone3)).toBe(ALLOW);
  expect(decide(program, X86_64, reboot)).toBe(EPERM);
});

test.if(onX86)('calls younger than the profile do not exist; young ones in it are allowed', () => {
  const program = programOf(defaultProfile);
  const [fchmodat2, removexattrat, future] = [452, 466, 600] as const;
  for (const architecture of [X86_64, I386]) {
    expect(decide(program, architecture, fchmodat2)).toBe(ALLOW);
    expect(decide(program, architecture, removexattrat)).toBe(ALLOW);
    expect(decide(program, architecture, future)).toBe(ENOSYS);
  }
  const x32 = 0x40000000;
  expect(decide(program, X86_64, x32)).toBe(ALLOW);
  expect(decide(program, X86_64, x32 + 600)).toBe(ENOSYS);
});

test.if(onX86)('a profile that allows by default is not told that calls do not exist', () => {
  const profile = parseProfile(
    JSON.stringify({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 }],
    }),
  );
  const program = programOf(profile);
  expect(decide(program, X86_64, 83)).toBe(0x5000d);
  expect(decide(program, X86_64, 600)).toBe(ALLOW);
});

test('what no filter can be is refused by name', () => {
  const rule = (action: string, op = 'SCMP_CMP_EQ', index = 0) => ({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['read'], action, args: [{ index, value: 1, op }] }],
  });
  expect(() => filterProgram(rule('SCMP_ACT_FORBID'))).toThrow('invalid seccomp action `SCMP_ACT_FORBID`');
  expect(() => filterProgram(rule('SCMP_ACT_KILL', 'SCMP_CMP_LIKE'))).toThrow('invalid seccomp operator');
  expect(() => filterProgram(rule('SCMP_ACT_KILL', 'SCMP_CMP_EQ', 6))).toThrow('invalid seccomp index 6');
});
