import { DockyardError } from '../../lib/errors.ts';
import type { StartFailure } from '../../runtime/oci-runtime.ts';

/** A container could not start. Clients decide by the text whether that is an exit code of 125, 126 or 127. */
export class StartError extends DockyardError {
  constructor(
    readonly failure: StartFailure,
    cause: unknown,
  ) {
    if (cause instanceof DockyardError && cause.kind !== 'failed') super(cause.kind, cause.message, { cause });
    else if (failure.exitCode === 125) super('failed', `failed to start container: ${failure.message}`, { cause });
    // Docker answers 400 when it is the command that can't be run: the request asked for something that is not there.
    else {
      super(
        'invalid',
        `failed to create task for container: OCI runtime create failed: unable to start container process: ${failure.message}`,
        { cause },
      );
    }
  }
}
