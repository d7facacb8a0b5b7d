// Mounts. What is mounted here is owned by whoever asked for it, and survives this process: see `mountPointsBelow`.
import { close, closeSync, mkdirSync, readFileSync, readSync, rmdirSync } from 'node:fs';
import { errnoOf, failed } from '../lib/errors.ts';
import { check, cstring, errno, KernelError, libc } from './libc.ts';

// These calls are newer than many a libc; their numbers are the same on every architecture.
const SYS_move_mount = 429;
const SYS_fsopen = 430;
const SYS_fsconfig = 431;
const SYS_fsmount = 432;

/** The same function under as many types as it is called with. */
const { syscall: fsopen } = libc({ syscall: ['i64', 'ptr', 'i64'] }, 'long');
const { syscall: fsconfig } = libc({ syscall: ['i64', 'i64', 'i64', 'ptr', 'ptr', 'i64'] }, 'long');
const { syscall: fsmount } = libc({ syscall: ['i64', 'i64', 'i64', 'i64'] }, 'long');
const { syscall: moveMount } = libc({ syscall: ['i64', 'i64', 'ptr', 'i64', 'ptr', 'i64'] }, 'long');
const c = libc({
  mount: ['ptr', 'ptr', 'ptr', 'u64', 'ptr'],
  umount2: ['ptr', 'i32'],
  open: ['ptr', 'i32', 'u32'],
});

const FSOPEN_CLOEXEC = 1;
const FSMOUNT_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const AT_FDCWD = -100;

export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_REMOUNT = 32;
export const MS_BIND = 4096;
export const MS_REC = 16384;
export const MS_PRIVATE = 1 << 18;
export const MS_SLAVE = 1 << 19;
export const MS_SHARED = 1 << 20;

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

const ENOENT = 2;
const ENODEV = 19;
const EINVAL = 22;
const ENOSYS = 38;
const O_PATH_CLOEXEC = 0o12000000;

export function mount(source: string, target: string, type: string, flags: number, data = ''): void {
  check(
    c.mount(cstring(source), cstring(target), cstring(type), flags, data === '' ? null : cstring(data)),
    `mount ${type}`.trim(),
    target,
  );
}

export function bindMount(
  source: string,
  target: string,
  options: { recursive?: boolean; readOnly?: boolean } = {},
): void {
  const recursive = options.recursive ? MS_REC : 0;
  check(c.mount(cstring(source), cstring(target), null, MS_BIND | recursive, null), 'bind mount', target);
  if (!options.readOnly) return;
  // A bind mount takes its flags only when it is changed afterwards.
  const flags = MS_BIND | MS_REMOUNT | MS_RDONLY;
  if (c.mount(cstring(''), cstring(target), null, flags, null) === 0) return;
  const error = new KernelError('remount read-only', errno(), target);
  unmount(target);
  throw error;
}

/** False if nothing is mounted there. Lazy: those who still use it keep it until they end. */
export function unmount(target: string): boolean {
  if (c.umount2(cstring(target), MNT_DETACH | UMOUNT_NOFOLLOW) === 0) return true;
  const code = errno();
  if (code === EINVAL || code === ENOENT) return false;
  throw new KernelError('umount', code, target);
}

/**
 * Likewise, but what the kernel does when the last user goes (an overlay syncs its whole upper file system) is done by
 * another thread. The promise resolves when it is over; the mount point is free at once.
 */
export function unmountInBackground(target: string): { unmounted: boolean; settled: Promise<void> } {
  const fd = c.open(cstring(target), O_PATH_CLOEXEC, 0);
  if (fd < 0 && errno() !== ENOENT) throw new KernelError('open', errno(), target);
  let unmounted = false;
  try {
    unmounted = fd >= 0 && unmount(target);
  } finally {
    if (fd >= 0 && !unmounted) closeSync(fd);
  }
  if (!unmounted) return { unmounted, settled: Promise.resolve() };
  return { unmounted, settled: new Promise(resolve => close(fd, () => resolve())) };
}

export interface OverlayMount {
  /** Topmost first, at least one. */
  lower: readonly string[];
  upper: string;
  work: string;
  target: string;
  /** Nothing is ever synced to disk: for what need not survive a crash of the machine. */
  volatile?: boolean;
}

/** fsconfig(2) takes values of up to 255 bytes, mount(2) options of up to a page. */
const MAX_VALUE = 255;
const MAX_OPTIONS = 4095;

/** Linux's OVL_MAX_STACK, and how many names of descriptors fit into the page of options. */
const MAX_APPENDED = 500;
const MAX_IN_OPTIONS = 200;

/**
 * Mounts an overlay file system. The kernel takes 500 layers since Linux 6.8, some 230 before. Of an image with more, the
 * lowest are one overlay under the other; a third on top of that the kernel refuses.
 */
export function mountOverlay(overlay: OverlayMount): void {
  const { lower, target } = overlay;
  const most = layersAtOnce();
  if (lower.length <= most) {
    mountLayers(overlay);
    return;
  }
  if (lower.length > 2 * most - 1) {
    throw failed(`an image can have up to ${2 * most - 2} layers here, this one has ${lower.length - 1}`);
  }
  const lowest = `${target}.lowest`;
  mkdirSync(lowest);
  try {
    mountLayers({ lower: lower.slice(most - 1), target: lowest });
    mountLayers({ ...overlay, lower: [...lower.slice(0, most - 1), lowest] });
  } finally {
    // The overlay above holds what it needs of it.
    unmount(lowest);
    rmdirSync(lowest);
  }
}

/** In one overlay. */
export function layersAtOnce(): number {
  return appendsLayers() ? MAX_APPENDED : MAX_IN_OPTIONS;
}

/** Without an upper directory it can only be read. */
type LayersMount = Pick<OverlayMount, 'lower' | 'target' | 'volatile'> & Partial<Pick<OverlayMount, 'upper' | 'work'>>;

function mountLayers(layers: LayersMount): void {
  if (appendsLayers()) mountByLayers(layers);
  else mountByOptions(layers);
}

let layersAppended: boolean | undefined;

/** Whether the kernel lets lower directories be appended one by one: since Linux 6.8. */
function appendsLayers(): boolean {
  if (layersAppended !== undefined) return layersAppended;
  const context = fsopen(SYS_fsopen, cstring('overlay'), FSOPEN_CLOEXEC);
  if (context < 0) {
    const code = errno();
    // The call itself, or the overlay module, may be missing: mount(2) loads the module, or says so.
    if (code === ENOSYS || code === ENODEV) return false;
    throw new KernelError('fsopen', code, 'overlay');
  }
  try {
    const takes = (key: string) =>
      fsconfig(SYS_fsconfig, context, FSCONFIG_SET_STRING, cstring(key), cstring('/'), 0) === 0 || errno() !== EINVAL;
    // Before Linux 6.5 any option is taken at first, and what is unknown refused at the mount.
    layersAppended = !takes('no-such-option') && takes('lowerdir+');
    return layersAppended;
  } finally {
    closeSync(context);
  }
}

function mountByLayers(overlay: LayersMount): void {
  using names = new ShortNames(MAX_VALUE);
  const context = Number(check(fsopen(SYS_fsopen, cstring('overlay'), FSOPEN_CLOEXEC), 'fsopen', 'overlay'));
  let mounted = -1;
  const setString = (key: string, value: string, subject: string) =>
    configure(context, FSCONFIG_SET_STRING, key, value, subject);
  try {
    for (const layer of overlay.lower) setString('lowerdir+', names.of(layer), layer);
    if (overlay.upper !== undefined) setString('upperdir', names.of(overlay.upper), overlay.upper);
    if (overlay.work !== undefined) setString('workdir', names.of(overlay.work), overlay.work);
    for (const [key, value] of Object.entries(OPTIONS)) setString(key, value, overlay.target);
    if (overlay.volatile) configure(context, FSCONFIG_SET_FLAG, 'volatile', null, overlay.target);
    configure(context, FSCONFIG_CMD_CREATE, null, null, overlay.target);
    mounted = check(fsmount(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0), 'fsmount', overlay.target);
    check(
      moveMount(SYS_move_mount, mounted, cstring(''), AT_FDCWD, cstring(overlay.target), MOVE_MOUNT_F_EMPTY_PATH),
      'move_mount',
      overlay.target,
    );
  } finally {
    if (mounted >= 0) closeSync(mounted);
    closeSync(context);
  }
}

/** Copies up whole files, keeps no index: what Docker's overlay2 does, and what a layer made of the upper directory needs. */
const OPTIONS = { index: 'off', metacopy: 'off', redirect_dir: 'off' };

function configure(context: number, command: number, key: string | null, value: string | null, subject: string): void {
  const keyArgument = key === null ? null : cstring(key);
  const valueArgument = value === null ? null : cstring(value);
  if (fsconfig(SYS_fsconfig, context, command, keyArgument, valueArgument, 0) >= 0) return;
  const code = errno();
  throw new KernelError('mount overlay', code, `${subject}${complaints(context)}`);
}

/** The kernel explains itself through the descriptor: lines like "e overlay: maximum stacking depth exceeded". */
function complaints(context: number): string {
  const buffer = Buffer.alloc(1024);
  const lines: string[] = [];
  for (;;) {
    try {
      lines.push(buffer.toString('utf8', 2, readSync(context, buffer)).trim());
    } catch (error) {
      // ENODATA: there are no more.
      if (errnoOf(error) === undefined) throw error;
      return lines.length === 0 ? '' : ` (${lines.join('; ')})`;
    }
  }
}

function mountByOptions(overlay: LayersMount): void {
  const { lower, upper, work } = overlay;
  // Paths that are long in sum are named by descriptors, so that more layers fit into the one page there is.
  const paths = [...lower, ...(upper === undefined ? [] : [upper]), ...(work === undefined ? [] : [work])];
  const room = MAX_OPTIONS - 100 - paths.length;
  using names = new ShortNames(paths.reduce((sum, path) => sum + path.length, 0) > room ? 0 : MAX_VALUE);
  const options = [
    `lowerdir=${lower.map(layer => names.of(layer)).join(':')}`,
    ...(upper === undefined ? [] : [`upperdir=${names.of(upper)}`]),
    ...(work === undefined ? [] : [`workdir=${names.of(work)}`]),
    ...Object.entries(OPTIONS).map(([key, value]) => `${key}=${value}`),
    ...(overlay.volatile ? ['volatile'] : []),
  ].join(',');
  if (options.length > MAX_OPTIONS)
    throw failed(`the kernel takes no names of layers that are so long: ${lower.length} layers`);
  mount('overlay', overlay.target, 'overlay', 0, options);
}

/** Paths, or names for them in /proc/self/fd where they are too long or hold characters that have a meaning. */
class ShortNames implements Disposable {
  readonly #fds: number[] = [];

  constructor(private readonly maxLength: number) {}

  of(path: string): string {
    if (path.length <= this.maxLength && !/[:,\\]|[^\x20-\x7e]/.test(path)) return path;
    const fd = check(c.open(cstring(path), O_PATH_CLOEXEC, 0), 'open', path);
    this.#fds.push(fd);
    return `/proc/self/fd/${fd}`;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds) closeSync(fd);
  }
}

/** What is mounted under a directory, deepest first. */
export function mountPointsBelow(directory: string): string[] {
  const points: string[] = [];
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const escaped = line.split(' ', 5)[4];
    if (escaped === undefined) continue;
    const point = escaped.replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    if (point.startsWith(`${directory}/`)) points.push(point);
  }
  return points.reverse();
}
