// `--insecure` of the commands that ask registries themselves.
import type { Flag } from '../framework/flags.ts';

export const insecureFlag = {
  type: 'bool',
  summary: 'The registry may be without TLS, or with a certificate that nobody vouches for',
} as const satisfies Flag;
