// The log drivers, all in one list: a new one is a new file and a line here.
import { invalid, notBuilt } from '../../lib/errors.ts';
import { jsonFileDriver } from './drivers/json-file.ts';
import { localDriver } from './drivers/local.ts';
import { noneDriver } from './drivers/none.ts';
import type { LogDriver } from './log-driver.ts';
import { type LogOptions, validateCommonOptions } from './options.ts';

export const logDrivers: readonly LogDriver[] = [jsonFileDriver, localDriver, noneDriver];

/** Docker's other drivers, which we do not have yet. */
const others = ['syslog', 'journald', 'gelf', 'fluentd', 'awslogs', 'splunk', 'etwlogs', 'gcplogs'];

export function logDriver(name: string): LogDriver {
  const found = logDrivers.find(driver => driver.name === name);
  if (found) return found;
  if (others.includes(name)) {
    throw notBuilt(
      `log driver '${name}' is not built yet; there are ${logDrivers.map(driver => driver.name).join(', ')}`,
    );
  }
  throw invalid(`logger: no log driver named '${name}' is registered`);
}

/** Throws 'invalid' or 'notBuilt' for a driver or options that can't be used. */
export function validateLogOptions(name: string, options: LogOptions): void {
  const driver = logDriver(name);
  if (name !== 'none') validateCommonOptions(options);
  driver.validate(options);
}
