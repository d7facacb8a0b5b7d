import { invalid } from '../../../lib/errors.ts';
import type { LogDriver } from '../log-driver.ts';

/** Output goes to attached clients only. Like Docker, it takes any option and has a use for none. */
export const noneDriver: LogDriver = {
  name: 'none',
  validate() {},
  open() {
    return {
      conmonTarget: 'none',
      path: '',
      async prepare() {},
      attach() {},
      async detach() {},
      read() {
        throw invalid('configured logging driver does not support reading');
      },
      async close() {},
    };
  },
};
