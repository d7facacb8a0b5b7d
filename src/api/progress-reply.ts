// Long operations answer with JSON lines while they work. An error before the first line is an error reply; one after it
// can only be the last line.
import { DockyardError, messageOf } from '../lib/errors.ts';
import { log } from '../lib/logger.ts';
import type { Reply } from './http/message.ts';
import { jsonLines } from './reply.ts';

export async function progressReply(messages: AsyncIterable<object>): Promise<Reply> {
  const iterator = messages[Symbol.asyncIterator]();
  const first = await iterator.next();
  return jsonLines(withLastError(first, iterator));
}

/** For operations whose clients expect every error in the stream. */
export function streamedReply(messages: AsyncIterable<object>): Reply {
  return jsonLines(withLastError(undefined, messages[Symbol.asyncIterator]()));
}

async function* withLastError(
  first: IteratorResult<object> | undefined,
  iterator: AsyncIterator<object>,
): AsyncGenerator<object, void, void> {
  try {
    for (let step = first ?? (await iterator.next()); !step.done; step = await iterator.next()) yield step.value;
  } catch (error) {
    if (!(error instanceof DockyardError)) log.error('an operation failed', { error: messageOf(error) });
    const message = messageOf(error);
    yield { errorDetail: { message }, error: message };
  } finally {
    await iterator.return?.();
  }
}
