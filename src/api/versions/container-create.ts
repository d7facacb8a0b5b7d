// POST /containers/create: what a request of any version means to the engine, which knows only the newest.
import type { CreateRequest } from '../../engine/containers/containers.ts';
import { invalid } from '../../lib/errors.ts';
import type {
  ContainerCreateRequest,
  EndpointSettings,
  HostConfig,
  Mount,
  NetworkingConfig,
} from '../../wire/types.ts';
import type { Query } from '../query.ts';
import type { ApiVersion } from '../version.ts';

const ENDPOINT_SYSCTLS = 'com.docker.network.endpoint.sysctls';

export interface AdaptedCreate {
  create: CreateRequest;
  warnings: string[];
}

/** Takes the body over: it is changed in place. */
export function createFrom(version: ApiVersion, query: Query, body: ContainerCreateRequest): AdaptedCreate {
  const { HostConfig: hostConfig = {}, NetworkingConfig: networkingConfig = {}, MacAddress: mac, ...config } = body;
  if (Object.keys(config).length === 0 && mac === undefined) {
    throw invalid('config cannot be empty in order to create a container');
  }
  const endpoints: Record<string, EndpointSettings> = networkingConfig.EndpointsConfig ?? {};
  networkingConfig.EndpointsConfig = endpoints;
  if (hostConfig.NetworkMode === undefined || hostConfig.NetworkMode === '') hostConfig.NetworkMode = 'default';
  for (const mount of hostConfig.Mounts ?? []) adaptMount(version, mount);
  adaptDefaults(version, hostConfig);
  if (version.before('1.44')) {
    if (config.Healthcheck) delete config.Healthcheck.StartInterval;
    const names = Object.keys(endpoints);
    if (names.length > 1) {
      throw invalid(`Container cannot be created with multiple network endpoints: ${names.join(', ')}`);
    }
  }
  if (version.before('1.48')) for (const endpoint of Object.values(endpoints)) delete endpoint.GwPriority;
  const warnings = [
    volumeDriverWarning(version, hostConfig),
    moveMacAddress(version, hostConfig, networkingConfig, mac),
    moveSysctls(version, hostConfig, networkingConfig),
    fillPortBindings(version, hostConfig),
  ].filter(warning => warning !== undefined);
  // Whatever isn't a limit is none.
  if (typeof hostConfig.PidsLimit === 'number' && hostConfig.PidsLimit <= 0) hostConfig.PidsLimit = null;
  const platform = version.before('1.41') ? '' : query.text('platform');
  return {
    create: {
      name: query.text('name') || undefined,
      platform: platform || undefined,
      config,
      hostConfig,
      networkingConfig,
    },
    warnings,
  };
}

function adaptMount(version: ApiVersion, mount: Mount): void {
  const { Type: type, BindOptions: bind, VolumeOptions: volume, TmpfsOptions: tmpfs } = mount;
  if (bind && version.before('1.40')) delete bind.NonRecursive;
  if (version.before('1.42')) {
    if (bind) delete bind.CreateMountpoint;
    // Options of another type were not looked at.
    if (type !== 'volume') delete mount.VolumeOptions;
    if (type !== 'tmpfs') delete mount.TmpfsOptions;
  } else {
    if (volume && type !== 'volume') throw invalid(`VolumeOptions must not be specified on mount type "${type ?? ''}"`);
    if (bind && type !== 'bind') throw invalid(`BindOptions must not be specified on mount type "${type ?? ''}"`);
    if (tmpfs && type !== 'tmpfs') throw invalid(`TmpfsOptions must not be specified on mount type "${type ?? ''}"`);
  }
  if (version.before('1.44') && type === 'bind') {
    if (bind?.ReadOnlyForceRecursive) throw invalid('BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer');
    // Read-only ended at the first mount below.
    if (mount.ReadOnly) mount.BindOptions = { ...bind, ReadOnlyNonRecursive: true };
  }
  if (version.before('1.45') && mount.VolumeOptions?.Subpath) {
    throw invalid('VolumeOptions.Subpath needs API v1.45 or newer');
  }
  if (version.before('1.48') && type === 'image') throw invalid('Mount type "Image" needs API v1.48 or newer');
}

function adaptDefaults(version: ApiVersion, hostConfig: HostConfig): void {
  if (version.before('1.40') && !hostConfig.IpcMode) hostConfig.IpcMode = 'shareable';
  if (version.before('1.42')) delete hostConfig.ConsoleSize;
  if (version.before('1.43')) delete hostConfig.Annotations;
}

function volumeDriverWarning(version: ApiVersion, hostConfig: HostConfig): string | undefined {
  if (!hostConfig.VolumeDriver || version.before('1.48')) return undefined;
  const undecided = (hostConfig.Mounts ?? []).some(
    mount => mount.Type === 'volume' && !mount.VolumeOptions?.DriverConfig?.Name,
  );
  return undecided
    ? "WARNING: the container-wide volume driver does not apply to volumes given by 'mount'; name it there: '--mount type=volume,volume-driver=...'"
    : undefined;
}

/** A container had one MAC address; since 1.44 each of its endpoints has. */
function moveMacAddress(
  version: ApiVersion,
  hostConfig: HostConfig,
  networking: NetworkingConfig,
  mac: string | undefined,
): string | undefined {
  if (!mac) {
    if (version.before('1.44')) {
      for (const endpoint of Object.values(networking.EndpointsConfig ?? {})) delete endpoint.MacAddress;
    }
    return undefined;
  }
  if (!version.before('1.52')) {
    throw invalid('container-wide MAC address no longer supported; use endpoint-specific MAC address instead');
  }
  const addressable = isBridgeOrOwn(hostConfig.NetworkMode ?? '');
  if (version.before('1.44')) {
    if (!addressable) throw invalid('conflicting options: mac-address and the network mode');
    endpointOfMode(version, hostConfig, networking).MacAddress = mac;
    return undefined;
  }
  if (addressable) {
    const endpoint = endpointOfMode(version, hostConfig, networking);
    if (endpoint.MacAddress && endpoint.MacAddress !== mac) {
      throw invalid(
        'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty',
      );
    }
    endpoint.MacAddress = mac;
  }
  return 'The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.';
}

/** Settings of an interface in the kernel ("net.ipv4.conf.eth0.forwarding") belong to the endpoint that makes it. */
function moveSysctls(version: ApiVersion, hostConfig: HostConfig, networking: NetworkingConfig): string | undefined {
  const mode = hostConfig.NetworkMode ?? '';
  if (mode === 'host' || mode.startsWith('container:')) return undefined;
  const moved: string[] = [];
  const settings: string[] = [];
  for (const [name, value] of Object.entries(hostConfig.Sysctls ?? {})) {
    const match = /^net\.([^.]+)\.([^.]+)\.(eth[^.]*)\.(.+)$/.exec(name);
    if (!match) continue;
    const [, family, kind, device, rest] = match;
    if (!version.before('1.48')) {
      throw invalid(
        `interface specific sysctl setting ${JSON.stringify(name)} must be supplied using driver option '${ENDPOINT_SYSCTLS}'`,
      );
    }
    if (device !== 'eth0') {
      throw invalid(
        `unable to determine network endpoint for sysctl ${name}, use driver option '${ENDPOINT_SYSCTLS}' to set per-interface sysctls`,
      );
    }
    moved.push(name);
    settings.push(`net.${family}.${kind}.IFNAME.${rest}=${value}`);
  }
  if (moved.length === 0) return undefined;
  for (const name of moved) delete hostConfig.Sysctls?.[name];
  const endpoint = endpointOfMode(version, hostConfig, networking);
  const before = endpoint.DriverOpts?.[ENDPOINT_SYSCTLS];
  const option = [...settings, ...(before === undefined ? [] : [before])].join(',');
  endpoint.DriverOpts = { ...endpoint.DriverOpts, [ENDPOINT_SYSCTLS]: option };
  return `Migrated sysctl "${moved.join(',')}" to DriverOpts{"${ENDPOINT_SYSCTLS}":"${settings.join(',')}"}.`;
}

/** A port without bindings gets one that leaves everything open. */
function fillPortBindings(version: ApiVersion, hostConfig: HostConfig): string | undefined {
  const empty: string[] = [];
  for (const [port, bindings] of Object.entries(hostConfig.PortBindings ?? {})) {
    if (bindings && bindings.length > 0) continue;
    empty.push(port);
    hostConfig.PortBindings![port] = [{}];
  }
  if (empty.length === 0 || version.before('1.52')) return undefined;
  return `Following container port(s) have an empty list of port-bindings: ${empty.join(', ')}. Such bindings will be discarded in a future version.`;
}

function isBridgeOrOwn(mode: string): boolean {
  return mode !== 'none' && mode !== 'host' && !mode.startsWith('container:');
}

/** The endpoint that a container-wide setting is about; made if the request names none. */
function endpointOfMode(version: ApiVersion, hostConfig: HostConfig, networking: NetworkingConfig): EndpointSettings {
  networking.EndpointsConfig ??= {};
  const endpoints = networking.EndpointsConfig;
  const mode = hostConfig.NetworkMode ?? 'default';
  const [first] = Object.values(endpoints);
  if (!first) {
    const endpoint: EndpointSettings = {};
    endpoints[mode] = endpoint;
    return endpoint;
  }
  if (version.before('1.44')) return first;
  const named = endpoints[mode];
  if (!named) {
    throw invalid('HostConfig.NetworkMode must match the identity of a network in NetworkSettings.Networks');
  }
  return named;
}
