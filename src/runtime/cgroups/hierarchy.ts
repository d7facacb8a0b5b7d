// Where this machine keeps its cgroups: one tree (v2), or one per controller (v1, maybe with an almost empty v2 beside).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, mount } from '../../kernel/mount.ts';
import { errnoOf, failed, messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { unitOf } from './driver.ts';
import { readText } from './files.ts';

const CGROUP_ROOT = '/sys/fs/cgroup';

export interface Hierarchy {
  version: 1 | 2;
  /** Mount point by controller. In v2 it is the same for all. */
  mounts: Readonly<Record<string, string>>;
  /** Every tree a container's cgroup may have a directory in: the named one of v1 and the v2 beside it included. */
  trees: readonly string[];
  /** The v2 tree, if there is one. */
  unified: string | undefined;
}

export interface MountEntry {
  root: string;
  mountPoint: string;
  type: string;
  /** "shared:1", "master:2"... */
  tags: readonly string[];
  superOptions: readonly string[];
}

/** Reads the text of a /proc/<pid>/mountinfo. */
export function parseMountInfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const words = line.split(' ');
    const dash = words.indexOf('-', 6);
    if (dash < 0) continue;
    entries.push({
      root: unescapePath(words[3]!),
      mountPoint: unescapePath(words[4]!),
      tags: words.slice(6, dash),
      type: words[dash + 1]!,
      superOptions: (words[dash + 3] ?? '').split(','),
    });
  }
  return entries;
}

function unescapePath(path: string): string {
  return path.includes('\\')
    ? path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)))
    : path;
}

export function readMountInfo(): MountEntry[] {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** Finds the cgroup mounts; those outside of `root` are somebody's private ones, which no runtime looks at. */
export function findHierarchy(mounts: readonly MountEntry[], root = CGROUP_ROOT): Hierarchy {
  const whole = mounts.findLast(mount => mount.mountPoint === root && mount.type === 'cgroup2');
  if (whole) {
    const controllers = controllersOf(root);
    return {
      version: 2,
      mounts: Object.fromEntries(controllers.map(name => [name, root])),
      trees: [root],
      unified: root,
    };
  }
  const found: Record<string, string> = {};
  const trees: string[] = [];
  let unified: string | undefined;
  for (const mount of mounts) {
    if (!mount.mountPoint.startsWith(`${root}/`)) continue;
    if (mount.type === 'cgroup2') {
      unified = mount.mountPoint;
      trees.push(mount.mountPoint);
    } else if (mount.type === 'cgroup') {
      trees.push(mount.mountPoint);
      for (const option of mount.superOptions) {
        if (controllerNames.has(option) && !(option in found)) found[option] = mount.mountPoint;
      }
    }
  }
  return { version: 1, mounts: found, trees, unified };
}

const controllerNames: ReadonlySet<string> = new Set([
  'blkio',
  'cpu',
  'cpuacct',
  'cpuset',
  'devices',
  'freezer',
  'hugetlb',
  'memory',
  'misc',
  'net_cls',
  'net_prio',
  'perf_event',
  'pids',
  'rdma',
]);

function controllersOf(tree: string): string[] {
  return wordsOf(`${tree}/cgroup.controllers`);
}

function wordsOf(file: string): string[] {
  return (readText(file) ?? '').split(/\s+/).filter(Boolean);
}

/**
 * Makes the cgroups fit for a runtime. Beside v1 trees, a controller that was left to the v2 tree cannot be handed down
 * there, and crun fails on it: it gets a v1 tree of its own. Called once, before the first container.
 */
export function prepareHierarchy(): Hierarchy {
  const hierarchy = findHierarchy(readMountInfo());
  if (hierarchy.version === 2) {
    handDownControllers(CGROUP_ROOT);
    return hierarchy;
  }
  if (Object.keys(hierarchy.mounts).length === 0) {
    throw failed(`no cgroups are mounted under ${CGROUP_ROOT}: containers cannot be limited or found without them`);
  }
  const strays = hierarchy.unified === undefined ? [] : controllersOf(hierarchy.unified);
  if (strays.length === 0) return hierarchy;
  for (const controller of strays) mountController(controller);
  return findHierarchy(readMountInfo());
}

/** Where the processes go that were in the way, as in every set-up that runs containers in containers. */
const ASIDE = 'init';
const MOVE_ROUNDS = 10;

/**
 * In v2 a cgroup either has processes or hands controllers down; the machine's real root alone may do both. What looks like
 * the root inside a container is not that: its processes step aside first.
 */
export function handDownControllers(root: string): void {
  const handedDown = wordsOf(`${root}/cgroup.subtree_control`);
  const missing = controllersOf(root).filter(name => !handedDown.includes(name));
  if (missing.length === 0) return;
  if (existsSync(`${root}/cgroup.type`)) stepAside(root);
  for (const name of missing) {
    try {
      writeFileSync(`${root}/cgroup.subtree_control`, `+${name}`);
    } catch (error) {
      // One that is in use elsewhere is missed only by containers that need it, and then the runtime says so.
      log.warn('a cgroup controller cannot be handed down', { controller: name, error: messageOf(error) });
    }
  }
}

function stepAside(root: string): void {
  mkdirSync(`${root}/${ASIDE}`, { recursive: true });
  // Those that are moved may just be starting others.
  for (let round = 0; round < MOVE_ROUNDS; round++) {
    const pids = wordsOf(`${root}/cgroup.procs`);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        writeFileSync(`${root}/${ASIDE}/cgroup.procs`, pid);
      } catch (error) {
        // It has ended, or is the kernel's own.
        if (!['ESRCH', 'EINVAL'].includes(errnoOf(error) ?? '')) throw error;
      }
    }
  }
}

function mountController(controller: string): void {
  const directory = `${CGROUP_ROOT}/${controller}`;
  mkdirSync(directory, { recursive: true });
  try {
    mount('cgroup', directory, 'cgroup', MS_NOSUID | MS_NODEV | MS_NOEXEC, controller);
  } catch (error) {
    throw failed(`the cgroup controller ${controller} cannot be mounted: ${messageOf(error)}`, error);
  }
}

/** One cgroup, in all trees it may be in. */
export interface Cgroup {
  version: 1 | 2;
  /** From the root of each tree: '/docker/<id>'. */
  path: string;
  /** The scope that systemd has made of it. */
  unit: string | undefined;
  /** Its directory by controller, whether it exists or not. */
  directories: Readonly<Record<string, string>>;
  /** Its directory in each tree. */
  all: readonly string[];
}

export function cgroupAt(hierarchy: Hierarchy, path: string): Cgroup {
  const clean = path.startsWith('/') ? path : `/${path}`;
  return {
    version: hierarchy.version,
    path: clean,
    unit: unitOf(clean),
    directories: Object.fromEntries(Object.entries(hierarchy.mounts).map(([name, mount]) => [name, mount + clean])),
    all: hierarchy.trees.map(tree => tree + clean),
  };
}
