// Writable root file systems: an overlay of an image's layers with a directory of the container's own on top.
// What a snapshot stands on is written beside it, so it can be mounted again after any crash.
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mountOverlay, mountPointsBelow, unmountInBackground } from '../kernel/mount.ts';
import { errnoOf, messageOf } from '../lib/errors.ts';
import type { ChainId } from '../lib/ids.ts';
import { log } from '../lib/logger.ts';
import { diskUsage } from './disk-usage.ts';
import { readLayerInfo } from './layers.ts';
import { type ContentLayout, contentLayout, layerFiles } from './layout.ts';

/** Writable root file systems over an image's layers, one per container. */
export interface Snapshots {
  /** Makes the writable layer. Synchronous work of a few system calls. */
  create(key: string, layers: readonly ChainId[], options?: SnapshotOptions): void;
  /** Mounts it and returns the mount point; idempotent. */
  mount(key: string): string;
  /** Idempotent; also true after a crash that left it mounted. */
  unmount(key: string): void;
  /** Unmounts and removes the writable layer. */
  remove(key: string): Promise<void>;
  mountPoint(key: string): string;
  /** The writable layer itself. */
  upperDirectory(key: string): string;
  /** Directories of the layers under it, topmost first. */
  lowerDirectories(key: string): string[];
  /** Bytes used by the writable layer, and by everything under it. */
  usage(key: string): Promise<{ writable: number; total: number }>;
  /** The layers that some snapshot stands on: they must stay, whatever becomes of their images. */
  layersInUse(): ReadonlySet<ChainId>;
  /** Whatever is on disk or mounted for keys other than these is removed. */
  reconcile(keys: ReadonlySet<string>): Promise<void>;
}

export interface SnapshotOptions {
  /** Never synced to disk: for a container that does not outlive a crash of the machine anyway. */
  volatile?: boolean;
}

interface Base extends SnapshotOptions {
  layers: readonly ChainId[];
}

export function createSnapshots(dataRoot: string, execRoot: string): Snapshots {
  return new OverlaySnapshots(contentLayout(dataRoot), join(execRoot, 'rootfs'));
}

class OverlaySnapshots implements Snapshots {
  readonly #mounted: Set<string>;
  readonly #bases = new Map<string, Base>();
  readonly #mountPoints: string;

  constructor(
    private readonly layout: ContentLayout,
    private readonly mounts: string,
  ) {
    this.#mountPoints = `${layout.layers}/mount-points`;
    for (const directory of [layout.snapshots, layout.removing, layout.layers, mounts]) {
      mkdirSync(directory, { recursive: true, mode: 0o711 });
    }
    makeMountPoints(this.#mountPoints);
    this.#readBases();
    this.#mounted = new Set(mountPointsBelow(mounts).map(point => point.slice(mounts.length + 1)));
  }

  create(key: string, layers: readonly ChainId[], options: SnapshotOptions = {}): void {
    const directory = this.#directory(key);
    mkdirSync(directory, { mode: 0o711 });
    try {
      mkdirSync(`${directory}/work`, { mode: 0o700 });
      mkdirSync(`${directory}/upper`, { mode: 0o755 });
      const top = layers.at(-1);
      if (top !== undefined) copyOwnerAndMode(layerFiles(this.layout, top), `${directory}/upper`);
      const base: Base = { layers, ...options };
      writeFileSync(`${directory}/base.json`, JSON.stringify(base));
      this.#bases.set(key, base);
    } catch (error) {
      rmSync(directory, { recursive: true });
      throw error;
    }
  }

  mount(key: string): string {
    const target = this.mountPoint(key);
    if (this.#mounted.has(key)) return target;
    const directory = this.#directory(key);
    const base = this.#base(key);
    makeDirectory(target);
    // The kernel refuses to mount again what was mounted volatile: it can't know that nothing crashed in between.
    if (base.volatile) rmSync(`${directory}/work/work/incompat`, { recursive: true, force: true });
    mountOverlay({
      lower: this.#lower(base),
      upper: `${directory}/upper`,
      work: `${directory}/work`,
      target,
      volatile: base.volatile,
    });
    this.#mounted.add(key);
    return target;
  }

  unmount(key: string): void {
    if (!this.#mounted.has(key)) return;
    unmountInBackground(this.mountPoint(key));
    this.#mounted.delete(key);
    removeDirectory(this.mountPoint(key));
  }

  async remove(key: string): Promise<void> {
    this.unmount(key);
    this.#bases.delete(key);
    const removing = `${this.layout.removing}/${key}-${Date.now().toString(36)}`;
    try {
      renameSync(this.#directory(key), removing);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw error;
    }
    await rm(removing, { recursive: true, force: true });
  }

  mountPoint(key: string): string {
    return `${this.mounts}/${key}`;
  }

  upperDirectory(key: string): string {
    return `${this.#directory(key)}/upper`;
  }

  lowerDirectories(key: string): string[] {
    return this.#lower(this.#base(key));
  }

  async usage(key: string): Promise<{ writable: number; total: number }> {
    const { bytes: writable } = await diskUsage(this.upperDirectory(key));
    let total = writable;
    for (const layer of this.#base(key).layers) total += readLayerInfo(this.layout, layer)?.size ?? 0;
    return { writable, total };
  }

  layersInUse(): ReadonlySet<ChainId> {
    return new Set(this.#bases.values().flatMap(base => base.layers));
  }

  async reconcile(keys: ReadonlySet<string>): Promise<void> {
    for (const key of [...this.#mounted]) {
      if (!keys.has(key)) this.unmount(key);
    }
    for (const key of readdirSync(this.mounts)) {
      if (!keys.has(key)) removeDirectory(this.mountPoint(key));
    }
    for (const key of readdirSync(this.layout.snapshots)) {
      if (keys.has(key)) continue;
      try {
        await this.remove(key);
      } catch (error) {
        log.error('could not remove the files of a container that is gone', { key, error: messageOf(error) });
      }
    }
  }

  #directory(key: string): string {
    return `${this.layout.snapshots}/${key}`;
  }

  #base(key: string): Base {
    const base = this.#bases.get(key);
    if (!base) throw new Error(`there is no snapshot ${key}`);
    return base;
  }

  /** A snapshot that a crash interrupted in the making has no base; nobody knows it, and `reconcile` removes it. */
  #readBases(): void {
    for (const key of readdirSync(this.layout.snapshots)) {
      try {
        this.#bases.set(key, JSON.parse(readFileSync(`${this.#directory(key)}/base.json`, 'utf8')) as Base);
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
      }
    }
  }

  #lower({ layers }: Base): string[] {
    return [...layers.map(layer => layerFiles(this.layout, layer)).reverse(), this.#mountPoints];
  }
}

/**
 * What every container gets something mounted on lies under all images. So the runtime finds it there and does not make it
 * in the writable layer, where it would look like a change; and an image without layers has something to stand on.
 */
function makeMountPoints(layer: string): void {
  for (const directory of ['dev', 'proc', 'sys', 'etc'])
    mkdirSync(`${layer}/${directory}`, { recursive: true, mode: 0o755 });
  for (const file of ['etc/hostname', 'etc/hosts', 'etc/resolv.conf', '.dockerenv']) {
    closeSync(openSync(`${layer}/${file}`, 'a', 0o755));
  }
  try {
    symlinkSync('/proc/mounts', `${layer}/etc/mtab`);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** An overlay's root looks like its uppermost directory, which should look like the image's. */
function copyOwnerAndMode(from: string, to: string): void {
  const { uid, gid, mode } = statSync(from);
  if (uid !== 0 || gid !== 0) chownSync(to, uid, gid);
  if ((mode & 0o7777) !== 0o755) chmodSync(to, mode & 0o7777);
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o711 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

function removeDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    // Still in use as a mount point by another namespace, or gone: the next start looks again.
    if (errnoOf(error) !== 'EBUSY' && errnoOf(error) !== 'ENOENT') throw error;
  }
}
