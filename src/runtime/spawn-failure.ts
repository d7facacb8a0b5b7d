// Why a program that we stand on could not be started: missing is the usual reason, but not the only one.
import { type DockyardError, errnoOf, messageOf, unavailable } from '../lib/errors.ts';

export function spawnFailure(program: string, ifMissing: string, error: unknown): DockyardError {
  const isMissing = errnoOf(error) === 'ENOENT' || errnoOf(error) === undefined;
  return unavailable(`cannot start ${program}: ${isMissing ? ifMissing : messageOf(error)}`, error);
}
