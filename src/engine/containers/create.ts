// A request becomes a container: checked whole before anything of it exists, and taken back whole if a later step fails.
import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { hostname as hostName } from 'node:os';
import { invalid, messageOf } from '../../lib/errors.ts';
import { newContainerId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { formatPlatform, hostPlatform, platformRank } from '../../lib/platform.ts';
import { checkParent } from '../../runtime/cgroups/driver.ts';
import { containerOfMode } from '../../runtime/oci/modes.ts';
import { validateHostConfig } from '../../runtime/oci/validate.ts';
import { parseSignal } from '../../runtime/signals.ts';
import type { ContainerConfig, ContainerCreateResponse, HostConfig } from '../../wire/types.ts';
import type { Image } from '../images/images.ts';
import { validateLogOptions } from '../logs/drivers.ts';
import { copyUpVolumes } from '../volumes/copy-up.ts';
import { makeVolumes, resolveMountPoints } from '../volumes/mount-points.ts';
import type { CreateRequest } from './containers.ts';
import { type ContainerContext, pathsOf, publish } from './context.ts';
import { generateName } from './generated-names.ts';
import { validateHealthcheck } from './health.ts';
import { createImageMounts, removeImageMounts } from './image-mounts.ts';
import { mergeConfig } from './merge-config.ts';
import { type ContainerRecord, ZERO_TIME } from './record.ts';
import { removeAnonymousVolumes } from './remove.ts';
import { runtimeNamed } from './runtimes.ts';
import { ensureWorkingDirectory } from './working-directory.ts';

const NO_IMAGE: Image = {
  id: '' as Image['id'],
  manifest: { mediaType: '', digest: '' as Image['id'], size: 0 },
  configDigest: '' as Image['configDigest'],
  os: 'linux',
  architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  variant: '',
  config: {},
  layers: [],
  created: ZERO_TIME,
};

export async function createContainer(
  context: ContainerContext,
  request: CreateRequest,
): Promise<ContainerCreateResponse> {
  const { store } = context;
  const requestedName = request.name?.replace(/^\//, '');
  if (requestedName) store.checkName(requestedName);
  const image = request.config.Image ? context.images.get(request.config.Image, request.platform) : NO_IMAGE;
  const trustWarnings = [...((await admitted(context, request, image)) ?? [])];
  // Signatures may have been waited for.
  if (requestedName) store.checkName(requestedName);
  const config = mergeConfig(request.config, image.config);
  checkConfig(config);
  const { value: hostConfig, warnings } = validateHostConfig(
    normalizeHostConfig(context, request.hostConfig),
    config,
    context.host,
    {
      shmSize: context.config.defaultShmSize,
      ipcMode: context.config.defaultIpcMode,
      cgroupnsMode: context.config.defaultCgroupnsMode,
      ipForward: context.config.network.ipForward,
    },
  );
  runtimeNamed(context, hostConfig.Runtime!);
  checkParent(context.cgroupDriver, hostConfig.CgroupParent ?? '');
  const logConfig = effectiveLogConfig(context, hostConfig);
  validateLogOptions(logConfig.driver, logConfig.options);

  const id = newContainerId();
  const name = requestedName || generateName(taken => store.hasName(taken));
  setHostname(context, config, hostConfig, id);
  const command = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  if (command.length === 0) throw invalid('no command specified');
  const record: ContainerRecord = {
    id,
    name,
    created: new Date().toISOString(),
    image: {
      id: image.id,
      reference: request.config.Image ?? '',
      ...(image.id ? { manifest: image.manifest } : {}),
      os: image.os,
      architecture: image.architecture,
    },
    config,
    hostConfig,
    path: command[0]!,
    args: command.slice(1),
    mounts: [],
    runtime: hostConfig.Runtime!,
    logDriver: logConfig.driver,
    logOptions: logConfig.options,
    phase: { kind: 'created' },
    unfinished: true,
    startedAt: ZERO_TIME,
    finishedAt: ZERO_TIME,
    exitCode: 0,
    oomKilled: false,
    error: '',
    restartCount: 0,
    manuallyStopped: false,
  };
  // Reserved before the first wait: of two requests for one name, the second must fail.
  store.insert(record);
  try {
    trustWarnings.push(...(await makeResources(context, record, image, request)));
  } catch (error) {
    await takeBack(context, record);
    throw error;
  }
  delete record.unfinished;
  store.save(record);
  publish(context, record, 'create');
  return { Id: id, Warnings: [...foreignPlatform(request, image), ...trustWarnings, ...warnings] };
}

/** A warning where this machine was given another's programs without having asked for them. */
function foreignPlatform(request: CreateRequest, image: Image): string[] {
  if (request.platform || image.id === '') return [];
  const { os, architecture, variant } = image;
  const host = hostPlatform();
  // Which level of amd64 the processor has is not looked up.
  if (platformRank(architecture === 'amd64' ? { os, architecture } : { os, architecture, variant }, host) !== undefined)
    return [];
  const [has, here] = [image, host].map(formatPlatform);
  return [
    `The requested image's platform (${has}) does not match the detected host platform (${here}) and no specific platform was requested`,
  ];
}

function admitted(context: ContainerContext, { config, signatureRequired = false }: CreateRequest, image: Image) {
  return config.Image ? context.images.admit(image, config.Image, { signatureRequired }) : undefined;
}

/** Returns what the trust policy warns of. */
async function makeResources(
  context: ContainerContext,
  record: ContainerRecord,
  image: Image,
  request: CreateRequest,
): Promise<string[]> {
  const { config, hostConfig } = record;
  const paths = pathsOf(context, record);
  const resolved = resolveMountPoints({
    config,
    hostConfig,
    engineRoots: [context.config.dataRoot, context.config.execRoot],
    mountsOf: reference => neighbourOf(context, reference).mounts,
  });
  record.mounts = resolved;
  // Volumes that nobody named would be nobody's after a crash.
  if (resolved.some(mount => mount.anonymous)) context.store.save(record);
  await makeVolumes(resolved, context.volumes);
  context.networks.register({
    container: record.id,
    name: record.name,
    hostname: config.Hostname ?? '',
    domainname: config.Domainname ?? '',
    mode: hostConfig.NetworkMode!,
    endpoints: request.networkingConfig.EndpointsConfig ?? {},
    hostConfig,
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    macAddress: request.config.MacAddress || undefined,
  });
  await context.images.prepare(image);
  context.snapshots.create(record.id, image.layers);
  const warnings = await createImageMounts(context, record, request);
  mkdirSync(paths.logs, { recursive: true, mode: 0o710 });
  const hasVolumes = resolved.some(mount => mount.Type === 'volume');
  const workingDirectory = config.WorkingDir && config.WorkingDir !== '/' ? config.WorkingDir : undefined;
  if (!hasVolumes && !workingDirectory) return warnings;
  const rootfs = context.snapshots.mount(record.id);
  try {
    if (hasVolumes) await copyUpVolumes({ mounts: resolved, rootfs, container: record.id, volumes: context.volumes });
    if (workingDirectory) ensureWorkingDirectory(rootfs, workingDirectory);
  } finally {
    context.snapshots.unmount(record.id);
  }
  return warnings;
}

async function takeBack(context: ContainerContext, record: ContainerRecord): Promise<void> {
  try {
    await context.networks.forget(record.id);
    await context.snapshots.remove(record.id);
    await removeImageMounts(context, record);
    const paths = pathsOf(context, record);
    await rm(paths.directory, { recursive: true, force: true });
    record.phase = { kind: 'removing', volumes: true };
    await removeAnonymousVolumes(context, record);
  } catch (error) {
    // The next start of the daemon removes whatever has no record.
    log.error('a failed create left something behind', { container: record.id, error: messageOf(error) });
  }
  context.store.delete(record.id);
}

function checkConfig(config: ContainerConfig): void {
  if (config.StopSignal) parseSignal(config.StopSignal);
  if (config.WorkingDir && !config.WorkingDir.startsWith('/')) {
    throw invalid(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`);
  }
  for (const line of config.Env ?? []) {
    if (line === '' || line.startsWith('=')) throw invalid(`invalid environment variable: ${line}`);
  }
  validateHealthcheck(config.Healthcheck);
}

function setHostname(context: ContainerContext, config: ContainerConfig, hostConfig: HostConfig, id: string): void {
  const neighbour = containerOfMode(hostConfig.NetworkMode);
  if (neighbour) {
    // Who shares a network is known in it by one name.
    const target = context.store.require(neighbour);
    config.Hostname = target.config.Hostname;
    config.Domainname = target.config.Domainname;
    return;
  }
  const hosts = hostConfig.NetworkMode === 'host' || hostConfig.UTSMode === 'host';
  config.Hostname ||= hosts ? hostName() : id.slice(0, 12);
  config.Domainname ??= '';
}

/** What was not said is the engine's default, so that inspect shows what holds. */
function normalizeHostConfig(context: ContainerContext, request: HostConfig): HostConfig {
  const { config } = context;
  const hostConfig: HostConfig = { ...request };
  hostConfig.NetworkMode =
    !request.NetworkMode || request.NetworkMode === 'default' ? defaultNetworkMode(context) : request.NetworkMode;
  if (hostConfig.NetworkMode.startsWith('container:')) {
    const reference = hostConfig.NetworkMode.slice('container:'.length);
    if (reference !== '') hostConfig.NetworkMode = `container:${neighbourOf(context, reference).id}`;
  }
  for (const mode of [request.PidMode, request.IpcMode]) {
    const reference = containerOfMode(mode);
    if (reference) neighbourOf(context, reference);
  }
  hostConfig.Runtime ||= config.defaultRuntime;
  hostConfig.PidMode ??= '';
  hostConfig.UTSMode ??= '';
  hostConfig.UsernsMode ??= '';
  const logConfig = effectiveLogConfig(context, request);
  hostConfig.LogConfig = {
    Type: logConfig.driver as NonNullable<HostConfig['LogConfig']>['Type'],
    Config: logConfig.options,
  };
  return hostConfig;
}

/** Another container that a request names. Its absence is no 404: clients take that for the image, and go and pull it. */
function neighbourOf(context: ContainerContext, reference: string): ContainerRecord {
  const found = context.store.find(reference);
  if (!found) throw invalid(`No such container: ${reference}`);
  return found;
}

function defaultNetworkMode(context: ContainerContext): string {
  return context.config.network.bridge === 'none' ? 'none' : 'bridge';
}

function effectiveLogConfig(
  context: ContainerContext,
  hostConfig: HostConfig,
): { driver: string; options: Record<string, string> } {
  const { config } = context;
  const driver = hostConfig.LogConfig?.Type || config.logDriver;
  const options = { ...hostConfig.LogConfig?.Config };
  // The engine's options belong to the engine's driver only.
  return { driver, options: driver === config.logDriver ? { ...config.logOptions, ...options } : options };
}
