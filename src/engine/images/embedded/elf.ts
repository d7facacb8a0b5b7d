// A static executable with one job: write a message to stdout and exit. Assembled here, byte by byte, so that the image
// everybody starts with needs neither a compiler nor a download.

export type ElfArchitecture = 'amd64' | 'arm64';

const LOADED_AT = 0x40_0000;
const HEADER = 64;
const PROGRAM_HEADER = 56;
const CODE_AT = HEADER + 2 * PROGRAM_HEADER;

interface Machine {
  /** e_machine. */
  number: number;
  /** The largest page size this architecture's kernels use. */
  alignment: number;
  /** Instructions that lie right before the message. Exit code 0 if all of it was written, else 1. */
  code(messageLength: number): Buffer;
}

const machines: Record<ElfArchitecture, Machine> = {
  amd64: { number: 62, alignment: 0x1000, code: codeForAmd64 },
  arm64: { number: 183, alignment: 0x1_0000, code: codeForArm64 },
};

export function messageExecutable(architecture: ElfArchitecture, message: string): Buffer {
  const machine = machines[architecture];
  const text = Buffer.from(message);
  const code = machine.code(text.length);
  const size = CODE_AT + code.length + text.length;

  const header = Buffer.alloc(HEADER);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // ELF, 64 bits, little-endian, version 1
  header.writeUInt16LE(2, 16); // an executable at fixed addresses
  header.writeUInt16LE(machine.number, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(LOADED_AT + CODE_AT), 24); // where it starts
  header.writeBigUInt64LE(BigInt(HEADER), 32); // where the program headers are
  header.writeUInt16LE(HEADER, 52);
  header.writeUInt16LE(PROGRAM_HEADER, 54);
  header.writeUInt16LE(2, 56);
  header.writeUInt16LE(64, 58); // what a section header would take; there are none

  // The whole file, read and execute.
  const load = Buffer.alloc(PROGRAM_HEADER);
  load.writeUInt32LE(1, 0);
  load.writeUInt32LE(5, 4);
  load.writeBigUInt64LE(BigInt(LOADED_AT), 16);
  load.writeBigUInt64LE(BigInt(LOADED_AT), 24);
  load.writeBigUInt64LE(BigInt(size), 32);
  load.writeBigUInt64LE(BigInt(size), 40);
  load.writeBigUInt64LE(BigInt(machine.alignment), 48);

  // A stack that is not executable (PT_GNU_STACK, read and write).
  const stack = Buffer.alloc(PROGRAM_HEADER);
  stack.writeUInt32LE(0x6474_e551, 0);
  stack.writeUInt32LE(6, 4);
  stack.writeBigUInt64LE(16n, 48);

  return Buffer.concat([header, load, stack, code, text]);
}

function codeForAmd64(length: number): Buffer {
  const immediate = Buffer.alloc(4);
  immediate.writeUInt32LE(length);
  // From the end of the lea to the message: everything after it.
  const rest = [
    [0xba, ...immediate], // mov edx, length
    [0x0f, 0x05], //         syscall
    [0x31, 0xff], //         xor edi, edi
    [0x3d, ...immediate], // cmp eax, length
    [0x40, 0x0f, 0x95, 0xc7], // setne dil
    [0xb8, 60, 0, 0, 0], //  mov eax, 60 (exit)
    [0x0f, 0x05], //         syscall
  ].flat();
  return Buffer.from([
    ...[0xb8, 1, 0, 0, 0], // mov eax, 1 (write)
    ...[0x89, 0xc7], //       mov edi, eax (stdout)
    ...[0x48, 0x8d, 0x35, rest.length, 0, 0, 0], // lea rsi, [rip + rest]
    ...rest,
  ]);
}

function codeForArm64(length: number): Buffer {
  if (length > 0xffff) throw new RangeError('the message is too long for one move');
  const move = (register: number, value: number) => (0xd280_0000 | (value << 5) | register) >>> 0;
  const supervisor = 0xd400_0001;
  const words = [
    move(0, 1), //       mov x0, #1 (stdout)
    0, //                adr x1, message: filled in below, its distance is the rest's length
    move(2, length), //  mov x2, #length
    move(8, 64), //      mov x8, #64 (write)
    supervisor,
    0xeb02_001f, //      cmp x0, x2
    0x9a9f_07e0, //      cset x0, ne
    move(8, 93), //      mov x8, #93 (exit)
    supervisor,
  ];
  const distance = (words.length - 1) * 4;
  words[1] = (0x1000_0000 | ((distance >> 2) << 5) | 1) >>> 0;
  const code = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => {
    code.writeUInt32LE(word, index * 4);
  });
  return code;
}
