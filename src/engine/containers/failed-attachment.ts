import type { OutputChunk } from '../output.ts';
import type { Attachment } from './containers.ts';

/** What a client that is already attached gets in place of a process that could not start: the reason, then the end. */
export function failedAttachment(tty: boolean, message: string): Attachment {
  return {
    tty,
    left: false,
    output: once({ stream: 1, data: Buffer.from(`${message}\r\n`) }),
    write: async () => false,
    endInput: () => undefined,
    close: () => undefined,
  };
}

async function* once(chunk: OutputChunk): AsyncGenerator<OutputChunk[]> {
  yield [chunk];
}
