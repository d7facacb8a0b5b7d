import { invalid, isKind } from '../../lib/errors.ts';
import { parseTimestamp } from '../../lib/timestamp.ts';
import type { Filters } from './containers.ts';
import type { ContainerContext } from './context.ts';
import { hasLabel } from './list.ts';
import type { ContainerRecord } from './record.ts';
import { remove } from './remove.ts';

/** Removes the containers that do not run and pass the filters. */
export async function pruneContainers(
  context: ContainerContext,
  filters: Filters,
): Promise<{ ContainersDeleted: string[]; SpaceReclaimed: number }> {
  const passes = compile(filters);
  const result = { ContainersDeleted: [] as string[], SpaceReclaimed: 0 };
  for (const record of [...context.store.all()]) {
    if ((record.phase.kind !== 'exited' && record.phase.kind !== 'created') || !passes(record)) continue;
    const { writable } = await context.snapshots.usage(record.id);
    try {
      await remove(context, context.live(record), { force: false, volumes: false });
    } catch (error) {
      // It was started, or somebody else removed it, while we were at the others.
      if (isKind(error, 'conflict') || isKind(error, 'notFound')) continue;
      throw error;
    }
    result.ContainersDeleted.push(record.id);
    result.SpaceReclaimed += writable;
  }
  return result;
}

function compile(filters: Filters): (record: ContainerRecord) => boolean {
  const tests: ((record: ContainerRecord) => boolean)[] = [];
  for (const [name, values] of Object.entries(filters)) {
    switch (name) {
      case 'label':
        tests.push(record => values.every(value => hasLabel(record.config.Labels ?? {}, value)));
        break;
      case 'label!':
        tests.push(record => values.every(value => !hasLabel(record.config.Labels ?? {}, value)));
        break;
      case 'until': {
        if (values.length !== 1) throw invalid('more than one until filter specified');
        const until = parseTimestamp(values[0]!).toISOString();
        tests.push(record => record.created < until);
        break;
      }
      default:
        throw invalid(`invalid filter '${name}'`);
    }
  }
  return record => tests.every(test => test(record));
}
