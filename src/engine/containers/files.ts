// docker cp, diff and export: the root file system of a container, running or not.
import { conflict } from '../../lib/errors.ts';
import type { ByteSource } from '../../lib/streams.ts';
import type { FilesystemChange } from '../../wire/types.ts';
import { type ContainerView, changes, exportRoot, getArchive, putArchive, statPath } from '../archive/archive.ts';
import type { Containers, PathStat } from './containers.ts';
import { type ContainerContext, publish } from './context.ts';
import type { LiveContainer } from './live.ts';

/** Mounts the root for the time of `use` unless the container has it mounted anyway. */
async function withView<T>(
  context: ContainerContext,
  live: LiveContainer,
  use: (view: ContainerView) => Promise<T>,
): Promise<T> {
  const { release, view } = await openView(context, live);
  try {
    return await use(view);
  } finally {
    release();
  }
}

async function openView(
  context: ContainerContext,
  live: LiveContainer,
): Promise<{ view: ContainerView; release: () => void }> {
  const { record } = live;
  if (record.phase.kind === 'removing' || record.phase.kind === 'dead') {
    throw conflict(`container ${record.id} is being removed`);
  }
  const rootfs = context.snapshots.mount(record.id);
  const running = record.phase.kind === 'running' ? record.phase.pid : undefined;
  live.rootUsers++;
  return {
    view: {
      rootfs,
      pid: running,
      readonlyRootfs: record.hostConfig.ReadonlyRootfs === true,
      mounts: record.mounts.map(mount => ({
        source: mount.Source ?? '',
        destination: mount.Destination ?? '',
        rw: mount.RW !== false,
      })),
    },
    release: () => {
      live.rootUsers--;
      if (live.rootUsers === 0 && !live.watched) context.snapshots.unmount(record.id);
    },
  };
}

async function* whileOpen(source: ByteSource, release: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } finally {
    release();
  }
}

export function statContainerPath(context: ContainerContext, live: LiveContainer, path: string): Promise<PathStat> {
  return withView(context, live, view => statPath(view, path));
}

export async function getContainerArchive(
  context: ContainerContext,
  live: LiveContainer,
  path: string,
  signal: AbortSignal,
): Promise<{ stat: PathStat; archive: ByteSource }> {
  const { view, release } = await openView(context, live);
  try {
    const { stat, archive } = await getArchive(view, path, signal);
    publish(context, live.record, 'archive-path');
    return { stat, archive: whileOpen(archive, release) };
  } catch (error) {
    release();
    throw error;
  }
}

export async function putContainerArchive(
  context: ContainerContext,
  live: LiveContainer,
  path: string,
  archive: ByteSource,
  options: Parameters<Containers['putArchive']>[3],
): Promise<void> {
  await withView(context, live, view => putArchive(view, path, archive, options));
  publish(context, live.record, 'extract-to-dir');
}

export async function exportContainer(
  context: ContainerContext,
  live: LiveContainer,
  signal: AbortSignal,
): Promise<ByteSource> {
  const { view, release } = await openView(context, live);
  try {
    const archive = await exportRoot(view, signal);
    publish(context, live.record, 'export');
    return whileOpen(archive, release);
  } catch (error) {
    release();
    throw error;
  }
}

export function containerChanges(context: ContainerContext, live: LiveContainer): Promise<FilesystemChange[]> {
  const { record } = live;
  return withView(context, live, view => changes(view, context.snapshots.upperDirectory(record.id)));
}
