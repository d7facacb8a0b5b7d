// The first move of a process into a cgroup makes the kernel wait until every processor has been through its scheduler: 5 to 15
// milliseconds, after which further moves are free for about as long again. A runtime that is just starting will move one.
import { closeSync, constants, openSync } from 'node:fs';
import { writeInBackground } from '../../kernel/background-write.ts';
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { readText } from './files.ts';
import type { Hierarchy } from './hierarchy.ts';

let underWay = false;

/** Has the kernel do its waiting now: the process, a child of ours, is moved to where it is. */
export function anticipateMoves(hierarchy: Hierarchy, child: number): void {
  if (underWay) return;
  const directory = ownCgroup(hierarchy, readText('/proc/self/cgroup') ?? '');
  if (directory === undefined) return;
  underWay = true;
  move(`${directory}/cgroup.procs`, child)
    // Nothing but time is lost: the child may have ended, or the engine may not be the master of its own cgroup.
    .catch(error => log.debug('could not anticipate a move', { directory, error: messageOf(error) }))
    .finally(() => {
      underWay = false;
    });
}

async function move(file: string, pid: number): Promise<void> {
  const fd = openSync(file, constants.O_WRONLY);
  try {
    await writeInBackground(fd, Buffer.from(String(pid)), file);
  } finally {
    closeSync(fd);
  }
}

/** Our directory in any one tree, by the text of /proc/self/cgroup; undefined outside of what we see of the trees. */
export function ownCgroup({ mounts, unified }: Hierarchy, text: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    const tree = controllers === '' ? unified : mounts[controllers.split(',')[0]!];
    if (tree !== undefined && path !== '' && !path.startsWith('/..')) return path === '/' ? tree : tree + path;
  }
  return undefined;
}
