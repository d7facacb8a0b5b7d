// The text of an error that no command has dealt with.
import { ApiError, ClientSetupError, ConnectionError } from '../../client/errors.ts';
import { DockyardError } from '../../lib/errors.ts';

export function explain(error: unknown, debug: boolean): string {
  if (error instanceof ApiError || error instanceof ConnectionError || error instanceof DockyardError) {
    return error.message;
  }
  if (error instanceof ClientSetupError)
    return `Failed to initialize: unable to resolve docker endpoint: ${error.message}`;
  if (error instanceof Error) return debug ? (error.stack ?? error.message) : error.message;
  return String(error);
}
