// Flags of the health check.
import type { HealthConfig } from '../../../../wire/types.ts';
import type { FlagTable, FlagValues } from '../../../framework/flags.ts';

export const healthFlags = {
  'health-cmd': { type: 'string', summary: 'Command that checks the health' },
  'health-interval': { type: 'duration', shownDefault: '0s', summary: 'Time between checks' },
  'health-retries': { type: 'int', summary: 'Failures in a row that make it unhealthy' },
  'health-start-interval': {
    type: 'duration',
    since: '1.44',
    shownDefault: '0s',
    summary: 'Time between checks while it starts',
  },
  'health-start-period': { type: 'duration', shownDefault: '0s', summary: 'Time it may take to start' },
  'health-timeout': { type: 'duration', shownDefault: '0s', summary: 'Time a check may take' },
  'no-healthcheck': { type: 'bool', summary: "Don't check, whatever the image says" },
} as const satisfies FlagTable;

export function healthConfig(flags: FlagValues<typeof healthFlags>): HealthConfig | undefined {
  const numbers = [
    'health-interval',
    'health-timeout',
    'health-retries',
    'health-start-period',
    'health-start-interval',
  ] as const;
  const any = flags['health-cmd'] !== '' || numbers.some(name => flags[name] !== 0);
  if (flags['no-healthcheck']) {
    if (any) throw new Error('--no-healthcheck conflicts with --health-* options');
    return { Test: ['NONE'] };
  }
  if (!any) return undefined;
  for (const name of numbers) if (flags[name] < 0) throw new Error(`--${name} cannot be negative`);
  return {
    ...(flags['health-cmd'] !== '' && { Test: ['CMD-SHELL', flags['health-cmd']] }),
    Interval: flags['health-interval'],
    Timeout: flags['health-timeout'],
    StartPeriod: flags['health-start-period'],
    StartInterval: flags['health-start-interval'],
    Retries: flags['health-retries'],
  };
}
