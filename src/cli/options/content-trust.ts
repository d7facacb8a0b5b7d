// Whether DOCKER_CONTENT_TRUST counts for a command.
import { type Flag, type FlagValues, isGiven } from '../framework/flags.ts';

export const disableContentTrust = {
  type: 'bool',
  default: true,
  hidden: true,
  summary: 'Leave DOCKER_CONTENT_TRUST out of account',
} as const satisfies Flag;

type TrustFlags = FlagValues<{ 'disable-content-trust': typeof disableContentTrust }>;

export function contentTrustWanted(flags: TrustFlags): boolean {
  if (isGiven(flags, 'disable-content-trust')) return !flags['disable-content-trust'];
  // What can't be read as a "no" is meant as a "yes", as with Docker: better too strict than not at all.
  return !/^(?:|0|f|false)$/i.test(process.env['DOCKER_CONTENT_TRUST'] ?? '');
}
