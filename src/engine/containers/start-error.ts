import { DockyardError, type ErrorKind } from '../../lib/errors.ts';
import type { StartFailure } from '../../runtime/oci-runtime.ts';
import { NETWORK_FAILURE } from '../networks/networks.ts';

/** A container could not start. Clients decide by the text whether that is an exit code of 125, 126 or 127. */
export class StartError extends DockyardError {
  readonly failure: StartFailure;

  constructor(verb: Verb, failure: StartFailure, cause: unknown) {
    const [kind, message] = describe(verb, failure, cause);
    super(kind, message, { cause });
    this.failure = failure;
  }
}

function describe(verb: Verb, failure: StartFailure, cause: unknown): [ErrorKind, string] {
  // Something of ours refused before the runtime was asked.
  if (cause instanceof DockyardError && (cause.kind !== 'failed' || cause.message.startsWith(NETWORK_FAILURE))) {
    // The request to start is not at fault when what was created cannot be started: Docker answers 500.
    return [cause.kind === 'invalid' ? 'failed' : cause.kind, cause.message];
  }
  if (failure.exitCode === 125) return ['failed', `${refusals[verb]}: ${failure.message}`];
  // Docker answers 400 when it is the command that can't be run: the request asked for something that is not there.
  return ['invalid', `${refusals[verb]}: unable to start container process: ${failure.message}`];
}

const refusals = {
  create: 'failed to create task for container: OCI runtime create failed',
  exec: 'OCI runtime exec failed: exec failed',
} as const;

type Verb = keyof typeof refusals;
