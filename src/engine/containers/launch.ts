// Everything a container's init needs before it exists, in order: root file system, volumes, network, files of /etc, bundle.
// conmon gets ready beside that.
import { mkdirSync, writeFileSync } from 'node:fs';
import { limitOpenFiles } from '../../kernel/process.ts';
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';
import { scopeAnnotations } from '../../runtime/cgroups/driver.ts';
import { quickMoves } from '../../runtime/cgroups/quick-moves.ts';
import { tellLimits } from '../../runtime/cgroups/scope.ts';
import { awaitBundle, type Watched } from '../../runtime/conmon.ts';
import { containerResources } from '../../runtime/oci/resources.ts';
import { buildSpec, lateOpenFiles, specText } from '../../runtime/oci/spec.ts';
import { resolveUser } from '../../runtime/users.ts';
import type { HostConfig } from '../../wire/types.ts';
import { ociMounts } from '../volumes/oci-mounts.ts';
import { cgroupOf, newPlace } from './cgroup.ts';
import { type ContainerContext, pathsOf } from './context.ts';
import { homeOf, processEnvironment } from './environment.ts';
import { writeEtcFiles } from './etc-files.ts';
import { mountImages, unmountImages } from './image-mounts.ts';
import type { LiveContainer } from './live.ts';
import { namespacesOf } from './namespaces.ts';
import { exitsDirectory } from './paths.ts';
import type { ContainerRecord } from './record.ts';
import { installedRuntime } from './runtimes.ts';
import { releaseSharedMemory, sharedMemoryPath } from './shared-memory.ts';
import { ensureWorkingDirectory } from './working-directory.ts';

/** Resolves when the runtime has created the container and its init waits for the start. */
export async function launch(context: ContainerContext, live: LiveContainer): Promise<Watched> {
  const { record } = live;
  const { config, hostConfig } = record;
  const paths = pathsOf(context, record);
  mkdirSync(paths.bundle, { recursive: true, mode: 0o700 });
  using conmon = awaitBundle({
    conmonPath: context.conmonPath(),
    runtime: installedRuntime(context, record),
    containerId: record.id,
    containerName: record.name,
    directory: paths.bundle,
    bundle: paths.bundle,
    exitDirectory: exitsDirectory(context.config),
    logTarget: live.log.conmonTarget,
    stdin: config.OpenStdin === true,
    keepStdinOpen: config.StdinOnce !== true || config.Tty === true,
    terminal: config.Tty === true,
  });
  using _untilItIsThere = quickMoves(context.host.cgroups);
  const rootfs = context.snapshots.mount(record.id);
  mountImages(context, record);
  const sandbox = await context.networks.start(record.id);
  writeEtcFiles(paths, { hostname: config.Hostname ?? '', hosts: sandbox.hosts, resolvConf: sandbox.resolvConf });
  const sources = new Map<string, string>();
  for (const mount of record.mounts) {
    if (mount.Type !== 'volume' || !mount.Name) continue;
    // A plugin may have it somewhere else each time.
    mount.Source = await context.volumes.mount(mount.Name, record.id, mount);
    sources.set(mount.Name, mount.Source);
  }
  if (config.WorkingDir && config.WorkingDir !== '/') ensureWorkingDirectory(rootfs, config.WorkingDir);
  const user = resolveUser(rootfs, config.User ?? '', hostConfig.GroupAdd ?? []);
  using mounts = ociMounts({
    mounts: record.mounts,
    volumeSources: sources,
    volumes: context.volumes,
    etc: paths,
    readonlyRootfs: hostConfig.ReadonlyRootfs === true,
  });
  const place = newPlace(context, record);
  record.cgroup = place.path;
  const { spec, warnings } = buildSpec({
    id: record.id,
    rootfs,
    args: [record.path, ...record.args],
    env: processEnvironment({
      config,
      tty: config.Tty === true,
      linked: context.networks.environment(record.id),
      home: homeOf(user, record.mounts),
    }),
    cwd: config.WorkingDir || '/',
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    config,
    hostConfig,
    hostname: config.Hostname ?? '',
    domainname: config.Domainname ?? '',
    mounts: mounts.list,
    sharedShm: sharedMemoryPath(context, record),
    namespaces: namespacesOf(context, record, sandbox),
    cgroupsPath: place.cgroupsPath,
    annotations: context.cgroupDriver === 'systemd' ? scopeAnnotations : {},
    host: context.host,
    defaults: context.specDefaults(),
  });
  for (const warning of warnings) log.warn(warning, { container: record.id });
  writeFileSync(`${paths.bundle}/config.json`, specText(spec));
  const watched = await conmon.create();
  // Not told, it would take the limits back the next time that it is reloaded.
  if (hasAnyLimit(hostConfig)) await tellLimits(cgroupOf(context, record));
  const openFiles = lateOpenFiles({ hostConfig, host: context.host, defaults: context.specDefaults() });
  if (openFiles) limitOpenFiles(watched.pid, openFiles);
  return watched;
}

const hasAnyLimit = (hostConfig: HostConfig) => Object.keys(containerResources(hostConfig)).length > 0;

/** What a launch mounted besides the root file system, when the processes are gone. Idempotent. */
export async function releaseMounts(context: ContainerContext, record: ContainerRecord): Promise<void> {
  for (const mount of record.mounts) {
    if (mount.Type !== 'volume' || !mount.Name) continue;
    try {
      await context.volumes.unmount(mount.Name, record.id);
    } catch (error) {
      log.warn('could not release a volume', { container: record.id, volume: mount.Name, error: messageOf(error) });
    }
  }
  releaseSharedMemory(context, record);
  if (!context.live(record).rootUsers) unmountImages(context, record);
}
