// What the first container of a daemon would wait for, done while nobody waits.
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { prepareFilter } from '../../runtime/oci/spec.ts';
import { sealedCrun } from '../../runtime/sealed-crun.ts';
import type { ContainerContext } from './context.ts';
import { runtimeNamed } from './runtimes.ts';

export function prepareForFirst(context: ContainerContext): void {
  try {
    const { path, crunState } = runtimeNamed(context, context.config.defaultRuntime);
    // Other runtimes make a filter of their own of the rules.
    if (crunState === undefined) return;
    sealedCrun(path);
    prepareFilter(context.host, context.specDefaults());
  } catch (error) {
    // A profile that can't be read, a runtime that is not there: whoever starts a container is told.
    log.debug('nothing could be prepared for the first container', { error: messageOf(error) });
  }
}
