// docker attach: what the container said, if that is asked for, then what it says.

import { parseDetachKeys } from '../../lib/detach-keys.ts';
import { conflict, errnoOf } from '../../lib/errors.ts';
import type { Output } from '../output.ts';
import type { Attachment, AttachRequest } from './containers.ts';
import { type ContainerContext, publish } from './context.ts';
import type { LiveContainer } from './live.ts';

export async function attachContainer(
  context: ContainerContext,
  live: LiveContainer,
  request: AttachRequest,
  signal: AbortSignal,
): Promise<Attachment> {
  const { record } = live;
  const { phase } = record;
  const detachKeys = parseDetachKeys(request.detachKeys);
  if (phase.kind === 'running' && phase.paused) {
    throw conflict(`container ${record.id} is paused, unpause the container before attach`);
  }
  if (phase.kind === 'restarting') {
    throw conflict(`container ${record.id} is restarting, wait until the container is running`);
  }
  const history = request.logs
    ? live.log.read({
        stdout: request.stdout,
        stderr: request.stderr,
        timestamps: false,
        details: false,
        follow: false,
        signal,
      })
    : undefined;
  if (!request.stream) {
    publish(context, record, 'attach');
    return historyOnly(record.config.Tty === true, history);
  }
  const attachment = live.io.attach({
    stdin: request.stdin && record.config.OpenStdin === true,
    stdout: request.stdout,
    stderr: request.stderr,
    detachKeys,
    onDetach: () => publish(context, record, 'detach'),
  });
  if (signal.aborted) attachment.close();
  signal.addEventListener('abort', () => attachment.close(), { once: true });
  publish(context, record, 'attach');
  if (live.watched) {
    try {
      await live.io.connect(live.watched);
      live.io.announce();
    } catch (error) {
      // conmon closes its socket when the process has ended, a moment before anybody is told of that.
      if (!['ENOENT', 'ECONNREFUSED'].includes(errnoOf(error) ?? '')) throw error;
      live.io.finish();
    }
  }
  return history ? withHistory(attachment, history) : attachment;
}

function withHistory(attachment: Attachment, history: Output): Attachment {
  return {
    tty: attachment.tty,
    get left() {
      return attachment.left;
    },
    output: (async function* () {
      yield* history;
      yield* attachment.output;
    })(),
    write: chunk => attachment.write(chunk),
    endInput: () => attachment.endInput(),
    close: () => attachment.close(),
  };
}

function historyOnly(tty: boolean, history: Output | undefined): Attachment {
  return {
    tty,
    left: false,
    output: history ?? (async function* () {})(),
    write: async () => false,
    endInput: () => undefined,
    close: () => undefined,
  };
}
