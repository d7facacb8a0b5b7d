// From what a request says about mounts (-v, --mount, --volumes-from, the image's VOLUMEs) to one list, one entry per place.
import { mkdirSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { errnoOf, failed, invalid, messageOf, notBuilt } from '../../lib/errors.ts';
import type { ContainerConfig, HostConfig, Mount, MountPoint } from '../../wire/types.ts';
import { parseBind, propagations } from './bind-syntax.ts';
import type { Volumes } from './volumes.ts';

/** A mount point as it is stored: what `inspect` shows, and what only the start needs. */
export interface ContainerMount extends MountPoint {
  noCopy?: boolean;
  /** A volume that nobody named: `rm -v` removes it. */
  anonymous?: boolean;
  subpath?: string;
  nonRecursive?: boolean;
  readOnlyNonRecursive?: boolean;
  readOnlyForceRecursive?: boolean;
  /** A bind's source that is made as a directory where it is missing. */
  createSource?: boolean;
  /** Options of a tmpfs. */
  tmpfsOptions?: string;
}

export interface MountRequest {
  config: ContainerConfig;
  hostConfig: HostConfig;
  volumes: Volumes;
  mountsOf(container: string): readonly ContainerMount[];
}

export async function resolveMountPoints(request: MountRequest): Promise<ContainerMount[]> {
  const { config, hostConfig } = request;
  const found = new Map<string, ContainerMount>();
  for (const line of hostConfig.VolumesFrom ?? []) {
    for (const mount of mountsFrom(line, request)) found.set(mount.Destination!, mount);
  }
  const named = new Set<string>();
  const name = (mount: ContainerMount) => {
    const destination = mount.Destination!;
    if (named.has(destination)) throw invalid(`Duplicate mount point: ${destination}`);
    if (hostConfig.Tmpfs?.[destination] !== undefined) throw invalid(`Duplicate mount point: ${destination}`);
    named.add(destination);
    found.set(destination, mount);
  };
  for (const line of hostConfig.Binds ?? []) name(parseBind(line, hostConfig.VolumeDriver));
  const specs = hostConfig.Mounts ?? [];
  for (const spec of specs) name(fromMount(spec));
  for (const path of Object.keys(config.Volumes ?? {})) {
    const destination = cleanDestination(path);
    // An image's volume gives way to whatever else was put there.
    if (found.has(destination) || hostConfig.Tmpfs?.[destination] !== undefined) continue;
    found.set(destination, volumeMount(destination, '', hostConfig.VolumeDriver || 'local', { mode: '' }));
  }
  const mounts = [...found.values()].sort((a, b) => depth(a.Destination!) - depth(b.Destination!));
  for (const mount of mounts) {
    if (mount.Type === 'bind') checkBindSource(mount);
    if (mount.Type === 'volume') await ensureVolume(mount, specs, request.volumes);
  }
  return mounts;
}

const depth = (path: string) => path.split('/').filter(Boolean).length;

export function cleanDestination(path: string): string {
  if (!path.startsWith('/')) throw invalid(`invalid mount path: '${path}' mount path must be absolute`);
  const clean = posix.normalize(path).replace(/(.)\/$/, '$1');
  if (clean === '/') throw invalid("invalid specification: destination can't be '/'");
  return clean;
}

export function volumeMount(
  destination: string,
  name: string,
  driver: string,
  options: { mode: string; readOnly?: boolean },
): ContainerMount {
  return {
    Type: 'volume',
    Name: name,
    Source: '',
    Destination: destination,
    Driver: driver,
    Mode: options.mode,
    RW: !options.readOnly,
    Propagation: '',
  };
}

function fromMount(spec: Mount): ContainerMount {
  const fault = (text: string) => invalid(`invalid mount config for type "${spec.Type}": ${text}`);
  if (!spec.Target) throw fault('field Target must not be empty');
  let destination: string;
  try {
    destination = cleanDestination(spec.Target);
  } catch (error) {
    throw fault(messageOf(error));
  }
  const foreign = {
    bind: spec.BindOptions,
    volume: spec.VolumeOptions,
    tmpfs: spec.TmpfsOptions,
    image: spec.ImageOptions,
  };
  for (const [type, options] of Object.entries(foreign)) {
    if (options && type !== spec.Type) {
      const field = `${type[0]!.toUpperCase()}${type.slice(1)}Options`;
      throw fault(`field ${field} must not be specified`);
    }
  }
  switch (spec.Type) {
    case 'bind':
      return fromBindMount(spec, destination, fault);
    case 'volume':
      return {
        ...volumeMount(destination, spec.Source ?? '', spec.VolumeOptions?.DriverConfig?.Name || 'local', {
          mode: 'z',
          readOnly: spec.ReadOnly,
        }),
        ...(spec.VolumeOptions?.NoCopy ? { noCopy: true } : {}),
        ...(spec.VolumeOptions?.Subpath
          ? { subpath: checkSubpath(spec.VolumeOptions.Subpath, fault), noCopy: true }
          : {}),
      };
    case 'tmpfs':
      if (spec.Source) throw fault('field Source must not be specified');
      return {
        Type: 'tmpfs',
        Source: '',
        Destination: destination,
        Mode: '',
        RW: !spec.ReadOnly,
        Propagation: '',
        tmpfsOptions: tmpfsOptions(spec),
      };
    case 'image':
    case 'npipe':
    case 'cluster':
      throw notBuilt(`mounts of type ${spec.Type} are not built yet; there are bind, volume and tmpfs`);
    default:
      throw invalid(`mount type unknown: ${JSON.stringify(spec.Type ?? '')}`);
  }
}

function fromBindMount(spec: Mount, destination: string, fault: (text: string) => Error): ContainerMount {
  if (!spec.Source) throw fault('field Source must not be empty');
  if (!spec.Source.startsWith('/')) throw fault(`invalid mount path: '${spec.Source}' mount path must be absolute`);
  const options = spec.BindOptions ?? {};
  if (options.Propagation && !propagations.includes(options.Propagation)) {
    throw fault(`invalid propagation mode: ${options.Propagation}`);
  }
  if (!spec.ReadOnly && (options.ReadOnlyNonRecursive || options.ReadOnlyForceRecursive)) {
    throw fault('mount is not read-only, so it cannot be read-only recursively or otherwise');
  }
  return {
    Type: 'bind',
    Source: posix.normalize(spec.Source),
    Destination: destination,
    Mode: '',
    RW: !spec.ReadOnly,
    Propagation: options.Propagation || 'rprivate',
    ...(options.NonRecursive ? { nonRecursive: true } : {}),
    ...(options.ReadOnlyNonRecursive ? { readOnlyNonRecursive: true } : {}),
    ...(options.ReadOnlyForceRecursive ? { readOnlyForceRecursive: true } : {}),
    ...(options.CreateMountpoint ? { createSource: true } : {}),
  };
}

function checkSubpath(subpath: string, fault: (text: string) => Error): string {
  if (subpath.startsWith('/')) throw fault('subpath must be a relative path within the volume');
  if (posix.normalize(subpath).startsWith('..')) throw fault('subpath must not leave the volume');
  return posix.normalize(subpath);
}

function tmpfsOptions(spec: Mount): string {
  const { SizeBytes, Mode, Options } = spec.TmpfsOptions ?? {};
  return [
    ...(SizeBytes ? [`size=${SizeBytes}`] : []),
    ...(Mode ? [`mode=${Mode.toString(8)}`] : []),
    ...(spec.ReadOnly ? ['ro'] : []),
    ...(Options ?? []).map(option => option.join('=')),
  ].join(',');
}

/** --volumes-from name[:ro|rw]: the other's volumes and binds, with its names and sources. */
function mountsFrom(line: string, { mountsOf }: MountRequest): ContainerMount[] {
  const colon = line.lastIndexOf(':');
  const mode = colon < 0 ? '' : line.slice(colon + 1);
  const container = colon < 0 ? line : line.slice(0, colon);
  if (line === '') throw invalid('volumes-from specification cannot be an empty string');
  if (mode !== '' && !['ro', 'rw', 'z', 'Z'].includes(mode)) throw invalid(`invalid mode for volumes-from: ${mode}`);
  return mountsOf(container)
    .filter(mount => mount.Type !== 'tmpfs')
    .map(mount => ({
      ...mount,
      ...(mode ? { Mode: mode } : {}),
      RW: mount.RW !== false && mode !== 'ro',
      noCopy: true,
    }));
}

function checkBindSource(mount: ContainerMount): void {
  const source = mount.Source!;
  try {
    statSync(source);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT')
      throw failed(`cannot look at the bind source ${source}: ${messageOf(error)}`, error);
    if (!mount.createSource) {
      throw invalid(`invalid mount config for type "bind": bind source path does not exist: ${source}`);
    }
    makeBindSource(source);
  }
}

/** -v makes what is missing, always as a directory. */
export function makeBindSource(source: string): void {
  try {
    mkdirSync(source, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw failed(`error while creating mount source path '${source}': ${messageOf(error)}`, error);
  }
}

async function ensureVolume(mount: ContainerMount, specs: readonly Mount[], volumes: Volumes): Promise<void> {
  const spec = specs.find(each => each.Type === 'volume' && cleanDestination(each.Target!) === mount.Destination);
  const volume = await volumes.create({
    Name: mount.Name,
    Driver: mount.Driver,
    DriverOpts: spec?.VolumeOptions?.DriverConfig?.Options,
    Labels: spec?.VolumeOptions?.Labels,
  });
  if (!mount.Name) mount.anonymous = true;
  mount.Name = volume.Name;
  mount.Driver = volume.Driver;
  mount.Source = volume.Mountpoint;
}

/** For inspect: only what the API knows. */
export function shownMount(mount: ContainerMount): MountPoint {
  const { Type, Name, Source, Destination, Driver, Mode, RW, Propagation } = mount;
  return {
    Type,
    ...(Name ? { Name } : {}),
    Source,
    Destination,
    ...(Driver ? { Driver } : {}),
    Mode,
    RW,
    Propagation,
  };
}
