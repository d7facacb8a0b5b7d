// What a daemon had begun when it was killed goes on without it: a conmon on its way to make a container, or one about to
// write an exit code. The next daemon must not act beside them.
import { ProcessHandle } from '../../kernel/process.ts';
import { failed } from '../../lib/errors.ts';
import type { ContainerId } from '../../lib/ids.ts';
import type { Exit } from '../../runtime/exits.ts';
import { processesByBundle } from '../../runtime/strays.ts';
import { type ContainerContext, pathsOf } from './context.ts';
import { containersExecRoot } from './paths.ts';
import type { ContainerRecord } from './record.ts';

const SIGKILL = 9;
const PATIENCE = 10_000;

/** Ends all work on containers that are stored as not running: it can only be a start that nobody was told of. */
export async function endStrays(context: ContainerContext): Promise<void> {
  const root = containersExecRoot(context.config);
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const strays = [...processesByBundle(root)].filter(([bundle]) => {
      const record = context.store.get(bundle.slice(root.length + 1) as ContainerId);
      return record?.phase.kind !== 'running';
    });
    if (strays.length === 0) return;
    if (performance.now() > deadline) {
      throw failed(`processes of containers that do not run will not end: ${strays.flatMap(([, pids]) => pids)}`);
    }
    for (const [, pids] of strays) {
      for (const pid of pids) {
        using handle = ProcessHandle.open(pid);
        handle?.signal(SIGKILL);
      }
    }
    await Bun.sleep(5);
  }
}

/** How a container that is stored as running has ended; undefined when nobody is left who could tell. */
export async function awaitExit(context: ContainerContext, record: ContainerRecord): Promise<Exit | undefined> {
  const { bundle } = pathsOf(context, record);
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const exit = context.exits.peek(record.id);
    if (exit) return exit;
    const isWatched = processesByBundle(containersExecRoot(context.config)).has(bundle);
    // Once more: it may have written in between.
    if (!isWatched || performance.now() > deadline) return context.exits.peek(record.id);
    await Bun.sleep(10);
  }
}
