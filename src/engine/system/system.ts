// The engine as a whole: what it is, what it runs on, what it takes up.
import type { ContainerSummary, ImageSummary, SystemInfo, SystemVersion, Volume } from '../../wire/types.ts';

export type DiskUsageKind = 'container' | 'image' | 'volume' | 'build-cache';

interface Usage<Item> {
  ActiveCount: number;
  TotalCount: number;
  Reclaimable: number;
  TotalSize: number;
  Items: Item[];
}

export interface DiskUsage {
  containers?: Usage<ContainerSummary>;
  images?: Usage<ImageSummary>;
  volumes?: Usage<Volume>;
  buildCache?: Usage<never>;
}

export interface System {
  /** The data root's identity. */
  readonly id: string;
  /** Which builder is recommended to clients, if any. */
  readonly builderVersion: string | undefined;
  info(): Promise<SystemInfo>;
  version(): Promise<SystemVersion>;
  /** Of the kinds asked for; what someone else is counting at the moment is not counted twice. */
  diskUsage(kinds: ReadonlySet<DiskUsageKind>): Promise<DiskUsage>;
}

/** What `System` needs of the other nouns. */
export interface ImageUsage {
  count(): number;
  /** Every image with `SharedSize` and `Containers`, and the bytes of all layers together. */
  usage(): Promise<{ images: ImageSummary[]; layersSize: number }>;
}

export interface VolumeUsage {
  /** Every volume with `UsageData`. */
  usage(): Promise<Volume[]>;
}

export interface ContainerUsage {
  counts(): { running: number; paused: number; stopped: number };
  list(query: {
    all: boolean;
    size: boolean;
    filters: Readonly<Record<string, readonly string[]>>;
  }): Promise<ContainerSummary[]>;
}
