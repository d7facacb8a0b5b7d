// An attached client: its connection on one side, a process's stdio on the other.
import type { Attachment } from '../engine/containers/containers.ts';
import type { ByteSource, Duplex } from '../lib/streams.ts';
import { type Encoder, framer, join } from './output.ts';

/** Returns when the process has ended, the client detached, or nobody is there to read any more. */
export async function serveAttachment(connection: Duplex, attachment: Attachment, framed: boolean): Promise<void> {
  void connection.closed.then(() => attachment.close());
  let inputError: unknown;
  // Not awaited: what a client sends after the process's end is nobody's any more.
  giveInput(connection.input, attachment).catch(error => {
    inputError = error;
    attachment.close();
  });
  try {
    await sendOutput(connection, attachment, framed ? framer() : join);
    if (inputError !== undefined) throw inputError;
  } finally {
    attachment.close();
  }
}

async function sendOutput(connection: Duplex, attachment: Attachment, encode: Encoder): Promise<void> {
  for await (const batch of attachment.output) {
    if (batch.length === 0) continue;
    const sent = connection.write(encode(batch));
    if (sent !== true && !(await sent)) return;
  }
}

async function giveInput(input: ByteSource, attachment: Attachment): Promise<void> {
  for await (const chunk of input) {
    if (!(await attachment.write(chunk))) return;
  }
  attachment.endInput();
}
