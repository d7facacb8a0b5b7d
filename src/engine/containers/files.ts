// docker cp, diff and export: the root file system of a container, running or not.
import { existsSync } from 'node:fs';
import { conflict } from '../../lib/errors.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { resolveUser } from '../../runtime/users.ts';
import type { FilesystemChange } from '../../wire/types.ts';
import { type ContainerView, exportRoot, getArchive, putArchive, statPath } from '../archive/archive.ts';
import { changes } from '../archive/changes.ts';
import type { Containers, PathStat } from './containers.ts';
import { type ContainerContext, pathsOf, publish } from './context.ts';
import { mountImages, unmountImages } from './image-mounts.ts';
import type { LiveContainer } from './live.ts';
import type { ContainerRecord } from './record.ts';

/** Mounts the root and the volumes for the time of `use` unless the container has them mounted anyway. */
async function withView<T>(
  context: ContainerContext,
  live: LiveContainer,
  use: (view: ContainerView) => Promise<T>,
): Promise<T> {
  const { release, view } = await openView(context, live);
  try {
    return await use(view);
  } finally {
    await release();
  }
}

interface OpenView {
  view: ContainerView;
  release(): Promise<void>;
}

async function openView(context: ContainerContext, live: LiveContainer): Promise<OpenView> {
  const { record } = live;
  if (record.phase.kind === 'removing' || record.phase.kind === 'dead') {
    throw conflict(`container ${record.id} is being removed`);
  }
  const volumes = record.mounts.flatMap(mount => (mount.Type === 'volume' && mount.Name ? [mount.Name] : []));
  let released = false;
  const release = async () => {
    if (released) return;
    released = true;
    live.rootUsers--;
    if (live.rootUsers > 0 || live.watched) return;
    unmountImages(context, record);
    context.snapshots.unmount(record.id);
    for (const volume of volumes) await context.volumes.unmount(volume, record.id);
  };
  live.rootUsers++;
  try {
    const rootfs = context.snapshots.mount(record.id);
    mountImages(context, record);
    for (const volume of volumes) await context.volumes.mount(volume, record.id);
    return { view: viewOf(context, record, rootfs), release };
  } catch (error) {
    await release();
    throw error;
  }
}

function viewOf(context: ContainerContext, record: ContainerRecord, rootfs: string): ContainerView {
  return {
    name: record.name,
    rootfs,
    readonlyRootfs: record.hostConfig.ReadonlyRootfs === true,
    mounts: [
      ...record.mounts.map(mount => ({
        source: mount.Source ?? '',
        subpath: mount.subpath,
        destination: mount.Destination ?? '',
        rw: mount.RW !== false,
      })),
      ...etcMounts(context, record),
    ],
  };
}

/** The engine's own files of /etc, once a first start has made them. */
function etcMounts(context: ContainerContext, record: ContainerRecord): ContainerView['mounts'] {
  const paths = pathsOf(context, record);
  const taken = new Set(record.mounts.map(mount => mount.Destination));
  const files: [destination: string, source: string][] = [
    ['/etc/hosts', paths.hosts],
    ['/etc/hostname', paths.hostname],
    ['/etc/resolv.conf', paths.resolvConf],
  ];
  return files
    .filter(([destination, source]) => !taken.has(destination) && existsSync(source))
    .map(([destination, source]) => ({ source, destination, rw: true }));
}

/** Releases the view at the end of the stream, or at the signal: a stream may end before anybody has begun to read it. */
function whileOpen(source: ByteSource, release: OpenView['release'], signal: AbortSignal): ByteSource {
  const abandon = () => void release();
  if (signal.aborted) abandon();
  signal.addEventListener('abort', abandon, { once: true });
  return (async function* () {
    try {
      yield* source;
    } finally {
      signal.removeEventListener('abort', abandon);
      await release();
    }
  })();
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
    return { stat, archive: whileOpen(archive, release, signal) };
  } catch (error) {
    await release();
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
  const { config } = live.record;
  await withView(context, live, view => {
    const owner = options.copyUidGid && config.User ? resolveUser(view.rootfs, config.User, []) : undefined;
    return putArchive(view, path, archive, { noOverwriteDirNonDir: options.noOverwriteDirNonDir, owner });
  });
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
    return whileOpen(archive, release, signal);
  } catch (error) {
    await release();
    throw error;
  }
}

export function containerChanges(context: ContainerContext, live: LiveContainer): Promise<FilesystemChange[]> {
  const { id } = live.record;
  return changes(context.snapshots.upperDirectory(id), context.snapshots.lowerDirectories(id));
}
