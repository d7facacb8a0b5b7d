// A move of a process into a cgroup makes the kernel wait until every processor has been through its scheduler, 5 to 15 ms or
// far more under load; unless another move was made a few milliseconds ago. A runtime that starts will move what it starts: we
// make moves until it has, so that the wait passes while it loads. What is moved is this process, to where it is.
import { closeSync, constants, openSync, write } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import type { Hierarchy } from './hierarchy.ts';

/** Shorter than the kernel's memory of a move. */
const INTERVAL_MS = 4;
/** The kernel's word for the process that writes. */
const MYSELF = Buffer.from('0');

let users = 0;
let underWay = false;

/** Moves are quick, soon and until this is disposed of. */
export function quickMoves(hierarchy: Hierarchy): Disposable {
  users++;
  if (!underWay) void keepMoving(hierarchy);
  let released = false;
  return {
    [Symbol.dispose]() {
      if (!released) users--;
      released = true;
    },
  };
}

async function keepMoving(hierarchy: Hierarchy): Promise<void> {
  underWay = true;
  let place = '';
  let fd: number | undefined;
  try {
    do {
      // Asked each time: somebody else may move us, too. Older kernels keep who asks waiting, as long as a move takes.
      const now = await readFile('/proc/self/cgroup', 'utf8');
      if (fd === undefined || now !== place) {
        const directory = ownCgroup(hierarchy, now);
        if (directory === undefined) return;
        if (fd !== undefined) closeSync(fd);
        fd = openSync(`${directory}/cgroup.procs`, constants.O_WRONLY);
        place = now;
      }
      await writeElsewhere(fd, MYSELF);
      await Bun.sleep(INTERVAL_MS);
    } while (users > 0);
  } catch (error) {
    // Nothing but time is lost: the engine may not be the master of its own cgroup.
    log.debug('moves into cgroups are not sped up', { error: messageOf(error) });
  } finally {
    if (fd !== undefined) closeSync(fd);
    underWay = false;
  }
}

/** In another thread: the wait is the write's. */
const writeElsewhere = promisify(write);

/** All trees share the wait: those come first in which nobody ever moves an engine. */
const remote = ['hugetlb', 'perf_event', 'net_cls', 'net_prio', 'rdma', 'misc', 'freezer', 'devices'];

/** Our directory in one of the trees, by the text of /proc/self/cgroup; undefined outside of what we see of them. */
export function ownCgroup({ mounts, unified }: Hierarchy, text: string): string | undefined {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    const name = controllers.split(',')[0]!;
    const tree = name === '' ? unified : mounts[name];
    if (tree !== undefined && path !== '' && !path.startsWith('/..'))
      found.set(name, path === '/' ? tree : tree + path);
  }
  const name = remote.find(controller => found.has(controller));
  return name === undefined ? found.values().next().value : found.get(name);
}
