// In the helper: makes a container's view of its files this process's own root. After that no path, whatever links it holds, can
// name anything else of the host.
import { closeSync, constants, statSync } from 'node:fs';
import { posix } from 'node:path';
import { changeRoot } from '../../kernel/files.ts';
import { bindMount, MS_BIND, MS_RDONLY, MS_REMOUNT, mount } from '../../kernel/mount.ts';
import { enterOwnMountNamespace } from '../../kernel/mount-namespace.ts';
import { O_PATH, RootDirectory } from '../../kernel/openat2.ts';
import { errnoOf } from '../../lib/errors.ts';
import type { ContainerView, ViewMount } from './protocol.ts';

export function enterView(view: ContainerView): void {
  enterOwnMountNamespace();
  using root = new RootDirectory(view.rootfs);
  const depth = (path: string) => path.split('/').filter(Boolean).length;
  const mounts = view.mounts.filter(each => each.source !== '');
  for (const each of mounts.sort((a, b) => depth(a.destination) - depth(b.destination))) place(root, each);
  changeRoot(view.rootfs);
}

function place(root: RootDirectory, { source, subpath, destination, rw }: ViewMount): void {
  if (subpath === undefined) {
    bind(root, source, destination, rw);
    return;
  }
  using volume = new RootDirectory(source);
  const fd = volume.open(subpath, O_PATH);
  try {
    bind(root, `/proc/self/fd/${fd}`, destination, rw);
  } finally {
    closeSync(fd);
  }
}

function bind(root: RootDirectory, source: string, destination: string, rw: boolean): void {
  const target = openTarget(root, destination, statSync(source).isDirectory());
  try {
    bindMount(source, `/proc/self/fd/${target}`, { recursive: true });
  } finally {
    closeSync(target);
  }
  if (rw) return;
  // Opened again, the path leads to what was mounted just now.
  const mounted = root.open(destination, O_PATH);
  try {
    mount('', `/proc/self/fd/${mounted}`, '', MS_BIND | MS_REMOUNT | MS_RDONLY);
  } finally {
    closeSync(mounted);
  }
}

/** A container that never ran may lack the place to mount at. */
function openTarget(root: RootDirectory, destination: string, isDirectory: boolean): number {
  try {
    return root.open(destination, O_PATH);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  if (isDirectory) {
    root.mkdirAll(destination, 0o755);
  } else {
    root.mkdirAll(posix.dirname(destination), 0o755);
    closeSync(root.open(destination, constants.O_CREAT | constants.O_WRONLY, 0o755));
  }
  return root.open(destination, O_PATH);
}
