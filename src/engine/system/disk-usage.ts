// `docker system df`: what containers, images and volumes take up, and how much of it nobody uses.
import type { ContainerSummary } from '../../wire/types.ts';
import type { ContainerUsage, DiskUsage, DiskUsageKind, ImageUsage, VolumeUsage } from './system.ts';

interface Sources {
  containers: ContainerUsage;
  images: ImageUsage;
  volumes: VolumeUsage;
}

export class DiskUsageCounter {
  readonly #underway = new Map<string, Promise<unknown>>();

  constructor(private readonly sources: Sources) {}

  async count(kinds: ReadonlySet<DiskUsageKind>): Promise<DiskUsage> {
    const [containers, images, volumes] = await Promise.all([
      kinds.has('container') ? this.#once('container', () => containerUsage(this.sources.containers)) : undefined,
      kinds.has('image') ? this.#once('image', () => imageUsage(this.sources.images)) : undefined,
      kinds.has('volume') ? this.#once('volume', () => volumeUsage(this.sources.volumes)) : undefined,
    ]);
    return {
      ...(containers && { containers }),
      ...(images && { images }),
      ...(volumes && { volumes }),
      // Without a builder there is no cache, and that is exactly what it takes up.
      ...(kinds.has('build-cache') && {
        buildCache: { ActiveCount: 0, TotalCount: 0, Reclaimable: 0, TotalSize: 0, Items: [] },
      }),
    };
  }

  /** Walking all files twice at the same time would help nobody. */
  #once<Result>(kind: string, count: () => Promise<Result>): Promise<Result> {
    const underway = this.#underway.get(kind) as Promise<Result> | undefined;
    if (underway) return underway;
    const counting = count().finally(() => this.#underway.delete(kind));
    this.#underway.set(kind, counting);
    return counting;
  }
}

async function containerUsage(containers: ContainerUsage): Promise<NonNullable<DiskUsage['containers']>> {
  const list = await containers.list({ all: true, size: true, filters: {} });
  const idle = list.filter(container => !isActive(container));
  return {
    ActiveCount: list.length - idle.length,
    TotalCount: list.length,
    Reclaimable: sum(idle, container => container.SizeRw ?? 0),
    TotalSize: sum(list, container => container.SizeRw ?? 0),
    Items: list.map(({ ImageManifestDescriptor: _notHere, ...container }) => container),
  };
}

function isActive({ State: state }: ContainerSummary): boolean {
  return state === 'running' || state === 'paused' || state === 'restarting';
}

async function imageUsage(source: ImageUsage): Promise<NonNullable<DiskUsage['images']>> {
  const { images, layersSize } = await source.usage();
  const idle = images.filter(image => image.Containers === 0);
  return {
    ActiveCount: images.filter(image => image.Containers > 0).length,
    TotalCount: images.length,
    Reclaimable: sum(idle, image => image.Size - Math.max(image.SharedSize, 0)),
    TotalSize: layersSize,
    Items: images,
  };
}

async function volumeUsage(source: VolumeUsage): Promise<NonNullable<DiskUsage['volumes']>> {
  const volumes = await source.usage();
  const idle = volumes.filter(volume => volume.UsageData?.RefCount === 0);
  return {
    ActiveCount: volumes.length - idle.length,
    TotalCount: volumes.length,
    Reclaimable: sum(idle, volume => Math.max(volume.UsageData?.Size ?? 0, 0)),
    TotalSize: sum(volumes, volume => Math.max(volume.UsageData?.Size ?? 0, 0)),
    Items: volumes,
  };
}

function sum<Item>(items: readonly Item[], size: (item: Item) => number): number {
  return items.reduce((total, item) => total + size(item), 0);
}
