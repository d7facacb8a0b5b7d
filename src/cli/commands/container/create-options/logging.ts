// Flags about where the container's output is kept.
import type { HostConfig } from '../../../../wire/types.ts';
import { splitPair } from '../../../framework/flag-types.ts';
import type { FlagTable, FlagValues } from '../../../framework/flags.ts';

export const loggingFlags = {
  'log-driver': { type: 'string', summary: 'Log driver' },
  'log-opt': { type: 'list', summary: 'Option of the log driver, as name=value' },
} as const satisfies FlagTable;

type LogConfig = NonNullable<HostConfig['LogConfig']>;

export function logConfig(flags: FlagValues<typeof loggingFlags>): LogConfig {
  const driver = flags['log-driver'];
  const options = flags['log-opt'];
  if (driver === 'none' && options.length > 0) throw new Error(`invalid logging opts for driver ${driver}`);
  // The engine knows which drivers there are.
  return { Type: driver as LogConfig['Type'], Config: Object.fromEntries(options.map(option => splitPair(option))) };
}
