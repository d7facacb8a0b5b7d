// From what a request says about mounts (-v, --mount, --volumes-from, the image's VOLUMEs) to one list, one entry per place.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { errnoOf, failed, invalid, messageOf, notBuilt } from '../../lib/errors.ts';
import type { ContainerConfig, HostConfig, Mount, MountPoint } from '../../wire/types.ts';
import { parseBind, parseBindMode, propagations } from './bind-syntax.ts';
import { anonymousLabel } from './volume-filters.ts';
import type { Volumes } from './volumes.ts';

/** A mount point as it is stored: what `inspect` shows, and what only the start needs. */
export interface ContainerMount extends MountPoint {
  noCopy?: boolean;
  /** A volume that nobody named: `rm -v` removes it. */
  anonymous?: boolean;
  subpath?: string;
  /** For a volume that has to be made. */
  labels?: Record<string, string>;
  driverOptions?: Record<string, string>;
  nonRecursive?: boolean;
  readOnlyNonRecursive?: boolean;
  readOnlyForceRecursive?: boolean;
  propagationGiven?: boolean;
  /** It holds the engine's own mounts, so the container should see them go; private where the host's mounts don't propagate. */
  slaveIfPossible?: boolean;
  /** A bind's source that is made as a directory where it is missing. */
  createSource?: boolean;
  /** Options of a tmpfs. */
  tmpfsOptions?: string;
}

export interface MountRequest {
  config: ContainerConfig;
  hostConfig: HostConfig;
  /** Where the engine itself keeps and mounts things. */
  engineRoots: readonly string[];
  mountsOf(container: string): readonly ContainerMount[];
}

/** Volumes that nobody named have a name in the result, and exist once `makeVolumes` has been called. */
export function resolveMountPoints(request: MountRequest): ContainerMount[] {
  const { config, hostConfig } = request;
  const found = new Map<string, ContainerMount>();
  for (const line of hostConfig.VolumesFrom ?? []) {
    for (const mount of mountsFrom(line, request)) found.set(mount.Destination!, mount);
  }
  const tmpfs = new Set(Object.keys(hostConfig.Tmpfs ?? {}).map(cleanPath));
  const named = new Set<string>();
  const name = (mount: ContainerMount) => {
    const destination = mount.Destination!;
    if (named.has(destination) || tmpfs.has(destination)) throw invalid(`Duplicate mount point: ${destination}`);
    named.add(destination);
    found.set(destination, request.engineRoots.some(root => overlap(root, mount)) ? asSlave(mount) : mount);
  };
  for (const line of hostConfig.Binds ?? []) name(parseBind(line, hostConfig.VolumeDriver));
  for (const spec of hostConfig.Mounts ?? []) {
    const mount = fromMount(spec);
    if (mount.Type === 'bind' && !mount.createSource) requireSource(mount);
    name(mount);
  }
  for (const path of Object.keys(config.Volumes ?? {})) {
    const destination = cleanPath(path);
    // An image's volume gives way to whatever else was put there.
    if (found.has(destination) || tmpfs.has(destination)) continue;
    const VolumeOptions = hostConfig.VolumeDriver ? { DriverConfig: { Name: hostConfig.VolumeDriver } } : undefined;
    found.set(destination, fromMount({ Type: 'volume', Target: destination, VolumeOptions }));
  }
  return [...found.values()].map(withName).sort((a, b) => depth(a.Destination!) - depth(b.Destination!));
}

/** What comes from another container has one. */
function withName(mount: ContainerMount): ContainerMount {
  if (mount.Type !== 'volume' || mount.Name) return mount;
  return {
    ...mount,
    Name: randomBytes(32).toString('hex'),
    anonymous: true,
    labels: { ...mount.labels, [anonymousLabel]: '' },
  };
}

/** One is inside the other. */
function overlap(root: string, { Type, Source: source = '' }: ContainerMount): boolean {
  const within = (inner: string, outer: string) => `${inner}/`.startsWith(outer === '/' ? '/' : `${outer}/`);
  return Type === 'bind' && (within(root, source) || within(source, root));
}

/** A private copy of the engine's mounts would keep other containers' file systems alive after their end. */
function asSlave(mount: ContainerMount): ContainerMount {
  if (mount.Propagation === 'rslave' || mount.Propagation === 'rshared') return mount;
  if (mount.propagationGiven) {
    throw invalid(
      `invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root, bind mount source: ${JSON.stringify(mount.Source)}, propagation: ${JSON.stringify(mount.Propagation)}`,
    );
  }
  return { ...mount, Propagation: 'rslave', slaveIfPossible: true };
}

const depth = (path: string) => path.split('/').filter(Boolean).length;

function cleanPath(path: string): string {
  return posix.normalize(path).replace(/(.)\/$/, '$1');
}

const optionsOf: Record<string, keyof Mount> = {
  bind: 'BindOptions',
  volume: 'VolumeOptions',
  image: 'ImageOptions',
  tmpfs: 'TmpfsOptions',
};

/** Throws 'invalid', in Docker's words, for a mount that makes no sense. */
export function fromMount(spec: Mount): ContainerMount {
  const fault = (text: string) => invalid(`invalid mount config for type "${spec.Type ?? ''}": ${text}`);
  for (const [type, field] of Object.entries(optionsOf)) {
    if (spec[field] && type !== spec.Type) throw fault(`field ${field} must not be specified`);
  }
  if (!spec.Target) throw fault('field Target must not be empty');
  if (cleanPath(spec.Target) === '/') throw fault("invalid specification: destination can't be '/'");
  requireAbsolute(spec.Target, fault);
  const common = { Destination: cleanPath(spec.Target), Mode: '', RW: !spec.ReadOnly, Propagation: '' };
  switch (spec.Type) {
    case 'bind':
      return { ...common, ...bindFields(spec, fault) };
    case 'volume':
      return { ...common, ...volumeFields(spec, fault) };
    case 'tmpfs':
      if (spec.Source) throw fault('field Source must not be specified');
      return { ...common, Type: 'tmpfs', Source: '', tmpfsOptions: tmpfsOptions(spec, fault) };
    case 'image':
      return { ...common, ...imageFields(spec, fault) };
    case 'cluster':
      throw notBuilt('mounts of type cluster are not built yet; there are bind, volume, image and tmpfs');
    default:
      throw fault('mount type unknown');
  }
}

type Fault = (text: string) => Error;

function requireAbsolute(path: string, fault: Fault): void {
  if (!path.startsWith('/')) throw fault(`invalid mount path: '${path}' mount path must be absolute`);
}

function bindFields(spec: Mount, fault: Fault): ContainerMount {
  if (!spec.Source) throw fault('field Source must not be empty');
  const options = spec.BindOptions ?? {};
  if (options.Propagation && !propagations.includes(options.Propagation)) {
    throw fault(`invalid propagation mode: ${options.Propagation}`);
  }
  requireAbsolute(spec.Source, fault);
  if (!spec.ReadOnly && (options.ReadOnlyNonRecursive || options.ReadOnlyForceRecursive)) {
    const option = options.ReadOnlyNonRecursive ? 'ReadOnlyNonRecursive' : 'ReadOnlyForceRecursive';
    throw fault(`mount options conflict: !ReadOnly && BindOptions.${option}`);
  }
  if (options.ReadOnlyNonRecursive && options.ReadOnlyForceRecursive) {
    throw fault('mount options conflict: ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive');
  }
  return {
    Type: 'bind',
    Source: cleanPath(spec.Source),
    Propagation: options.Propagation || 'rprivate',
    ...(options.Propagation ? { propagationGiven: true } : {}),
    ...(options.NonRecursive ? { nonRecursive: true } : {}),
    ...(options.ReadOnlyNonRecursive ? { readOnlyNonRecursive: true } : {}),
    ...(options.ReadOnlyForceRecursive ? { readOnlyForceRecursive: true } : {}),
    ...(options.CreateMountpoint ? { createSource: true } : {}),
  };
}

function volumeFields(spec: Mount, fault: Fault): ContainerMount {
  const { NoCopy, Subpath, Labels, DriverConfig } = spec.VolumeOptions ?? {};
  if (Subpath) {
    if (!spec.Source) throw fault('must not set Subpath when using anonymous volumes');
    if (!isLocal(Subpath)) throw fault('subpath must be a relative path within the volume');
  }
  return {
    Type: 'volume',
    Name: spec.Source ?? '',
    Source: '',
    // Whichever has a volume of this name, or the usual one.
    ...(DriverConfig?.Name ? { Driver: DriverConfig.Name } : {}),
    // Docker says so of every volume that has a name.
    Mode: spec.Source ? 'z' : '',
    ...(NoCopy || Subpath ? { noCopy: true } : {}),
    ...(Subpath ? { subpath: cleanPath(Subpath) } : {}),
    ...(Labels ? { labels: Labels } : {}),
    ...(DriverConfig?.Options ? { driverOptions: DriverConfig.Options } : {}),
  };
}

/** Where its files are is known when its snapshot has been made. */
function imageFields(spec: Mount, fault: Fault): ContainerMount {
  if (!spec.Source) throw fault('field Source must not be empty');
  const { Subpath } = spec.ImageOptions ?? {};
  if (Subpath && !isLocal(Subpath)) throw fault('subpath must be a relative path within the image');
  return {
    Type: 'image',
    Name: spec.Source,
    Source: '',
    RW: false,
    Propagation: 'rprivate',
    ...(Subpath ? { subpath: cleanPath(Subpath) } : {}),
  };
}

function isLocal(path: string): boolean {
  const clean = posix.normalize(path);
  return !path.startsWith('/') && clean !== '..' && !clean.startsWith('../');
}

const tmpfsUnits: [suffix: string, bytes: number][] = [
  ['g', 2 ** 30],
  ['m', 2 ** 20],
  ['k', 2 ** 10],
];

function tmpfsOptions(spec: Mount, fault: Fault): string {
  const { SizeBytes, Mode, Options } = spec.TmpfsOptions ?? {};
  const words: string[] = [];
  if (spec.ReadOnly) words.push('ro');
  if (Mode) words.push(`mode=${Mode.toString(8)}`);
  if (SizeBytes) {
    const [suffix, bytes] = tmpfsUnits.find(([, unit]) => SizeBytes % unit === 0) ?? ['', 1];
    words.push(`size=${SizeBytes / bytes}${suffix}`);
  }
  for (const option of Options ?? []) {
    if (option.length < 1 || option.length > 2) throw fault('invalid option array length');
    if (option[0] !== 'exec' && option[0] !== 'noexec') throw fault(`invalid option: ${option[0]}`);
    words.push(option.join('='));
  }
  return words.join(',');
}

/** --volumes-from name[:ro|rw]: the other's volumes and binds, with its names and sources. */
function mountsFrom(line: string, { mountsOf }: MountRequest): ContainerMount[] {
  if (line === '') throw invalid('volumes-from specification cannot be an empty string');
  const colon = line.indexOf(':');
  const text = colon < 0 ? '' : line.slice(colon + 1);
  const mode = parseBindMode(text);
  if (!mode || mode.propagation || mode.copy) throw invalid(`invalid mode: ${text}`);
  return mountsOf(colon < 0 ? line : line.slice(0, colon))
    .filter(mount => mount.Type === 'bind' || mount.Type === 'volume')
    .map(mount => ({ ...mount, Mode: '', RW: mount.RW !== false && mode.access !== 'ro', noCopy: true }));
}

function requireSource({ Source: source = '' }: ContainerMount): void {
  const fault = (text: string) => invalid(`invalid mount config for type "bind": ${text}`);
  try {
    statSync(source);
  } catch (error) {
    const missing = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
    throw fault(missing ? `bind source path does not exist: ${source}` : `stat ${source}: ${messageOf(error)}`);
  }
}

/** -v makes what is missing, always as a directory. */
export function makeBindSource(source: string): void {
  if (existsSync(source)) return;
  try {
    mkdirSync(source, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw failed(`error while creating mount source path '${source}': ${messageOf(error)}`, error);
  }
}

/** Makes those that do not exist yet, and notes where they are. If one fails, those made before it stay: whoever stored the mounts removes them. */
export async function makeVolumes(mounts: readonly ContainerMount[], volumes: Volumes): Promise<void> {
  for (const mount of mounts) {
    // What comes from another container is there already.
    if (mount.Type !== 'volume' || mount.Source) continue;
    const volume = await volumes.create({
      Name: mount.Name,
      Driver: mount.Driver,
      DriverOpts: mount.driverOptions,
      Labels: mount.labels,
    });
    mount.Driver = volume.Driver;
    mount.Source = volume.Mountpoint;
  }
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
