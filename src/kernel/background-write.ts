// A write that libc does in a thread of its own, for those that the kernel takes tens of milliseconds to finish.
import { ptr } from 'bun:ffi';
import { check, KernelError, libc } from './libc.ts';

const { aio_write, aio_error } = libc({ aio_write: ['ptr'], aio_error: ['ptr'] });
const { aio_return } = libc({ aio_return: ['ptr'] }, 'long');

const EINPROGRESS = 115;
const SIGEV_NONE = 1;
const POLL_MS = 4;
/** `struct aiocb` of glibc on 64-bit machines, and where in it what stands. */
const BLOCK_SIZE = 256;
const BUFFER_AT = 16;
const SIZE_AT = 24;
const NOTIFY_AT = 44;

export async function writeInBackground(fd: number, bytes: Buffer, subject: string): Promise<void> {
  const block = Buffer.alloc(BLOCK_SIZE);
  block.writeInt32LE(fd, 0);
  block.writeBigUInt64LE(BigInt(ptr(bytes)), BUFFER_AT);
  block.writeBigUInt64LE(BigInt(bytes.length), SIZE_AT);
  block.writeInt32LE(SIGEV_NONE, NOTIFY_AT);
  check(aio_write(block), 'aio_write', subject);
  let error: number;
  for (;;) {
    error = aio_error(block);
    if (error !== EINPROGRESS) break;
    await Bun.sleep(POLL_MS);
  }
  const written = aio_return(block);
  if (error !== 0 || written !== bytes.length) throw new KernelError('write', error, subject);
}
