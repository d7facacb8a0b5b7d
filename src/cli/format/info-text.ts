// The text of `docker info`.
import type { SystemInfo } from '../../wire/types.ts';
import type { ClientVersion } from '../client-version.ts';
import type { Plugin } from '../plugins/describe.ts';
import { swarmLines } from './swarm-text.ts';
import { bytesSize } from './units.ts';

export function clientLines(client: ClientVersion, debug: boolean, plugins: readonly Plugin[]): string[] {
  const usable = plugins.filter(({ Err }) => Err === undefined);
  return [
    'Client:',
    ` Version:    ${client.Version}`,
    ` Context:    ${client.Context}`,
    ` Debug Mode: ${debug}`,
    ...section(' Plugins:', usable.flatMap(cliPluginLines)),
  ];
}

function cliPluginLines({ Name, ShortDescription, Vendor, Version, Path, ShadowedPaths }: Plugin): string[] {
  return [
    `  ${Name}: ${ShortDescription ?? ''} (${Vendor})`,
    ...known('    Version: ', Version),
    ...known('    Path:    ', Path),
    ...known('    Shadowed:', ShadowedPaths?.join(', ')),
  ];
}

/** Nothing for a value that isn't there. */
const known = (label: string, value: string | undefined) => (value ? [`${label} ${value}`] : []);
const section = (title: string, lines: readonly string[]) => (lines.length > 0 ? [title, ...lines] : []);
const words = (names: readonly string[] | null | undefined) => (names ?? []).join(' ');

export interface ServerTextOptions {
  /** The client's --debug. */
  debug: boolean;
  /** Who is logged in at the default registry. */
  userName: string;
}

export function serverLines(info: SystemInfo, { debug, userName }: ServerTextOptions): string[] {
  return [
    ` Containers: ${info.Containers ?? 0}`,
    `  Running: ${info.ContainersRunning ?? 0}`,
    `  Paused: ${info.ContainersPaused ?? 0}`,
    `  Stopped: ${info.ContainersStopped ?? 0}`,
    ` Images: ${info.Images ?? 0}`,
    ...known(' Server Version:', info.ServerVersion),
    ...known(' Storage Driver:', info.Driver),
    ...(info.DriverStatus ?? []).map(([name, value]) => `  ${name}: ${value}`),
    ...known(' Logging Driver:', info.LoggingDriver),
    ...known(' Cgroup Driver:', info.CgroupDriver),
    ...known(' Cgroup Version:', info.CgroupVersion),
    ...pluginLines(info),
    ...section(
      ' CDI spec directories:',
      (info.CDISpecDirs ?? []).map(dir => `  ${dir}`),
    ),
    ...section(
      ' Discovered Devices:',
      (info.DiscoveredDevices ?? []).map(({ Source, ID }) => `  ${Source}: ${ID}`),
    ),
    ...swarmLines(info.Swarm),
    ...runtimeLines(info),
    ...(info.OSType === 'windows' ? [` Default Isolation: ${info.Isolation}`] : []),
    ...hostLines(info),
    ...(info.Debug || debug ? debugLines(info) : []),
    ...known(' HTTP Proxy:', info.HttpProxy),
    ...known(' HTTPS Proxy:', info.HttpsProxy),
    ...known(' No Proxy:', info.NoProxy),
    ...known(' Username:', userName),
    ...section(
      ' Labels:',
      (info.Labels ?? []).map(label => `  ${label}`),
    ),
    ` Experimental: ${info.ExperimentalBuild ?? false}`,
    ...registryLines(info),
    ` Live Restore Enabled: ${info.LiveRestoreEnabled ?? false}`,
    ...known(' Product License:', info.ProductLicense),
    ...section(
      ' Default Address Pools:',
      (info.DefaultAddressPools ?? []).map(({ Base, Size }) => `   Base: ${Base}, Size: ${Size}`),
    ),
    ...firewallLines(info),
    '',
  ];
}

function pluginLines({ Plugins: plugins }: SystemInfo): string[] {
  return [
    ' Plugins:',
    `  Volume: ${words(plugins?.Volume)}`,
    `  Network: ${words(plugins?.Network)}`,
    ...known('  Authorization:', words(plugins?.Authorization)),
    `  Log: ${words(plugins?.Log)}`,
  ];
}

function runtimeLines(info: SystemInfo): string[] {
  const names = Object.keys(info.Runtimes ?? {});
  const lines =
    names.length > 0 ? [` Runtimes: ${names.join(' ')}`, ` Default Runtime: ${info.DefaultRuntime ?? ''}`] : [];
  if (info.OSType !== 'linux') return lines;
  return [
    ...lines,
    ` Init Binary: ${info.InitBinary ?? ''}`,
    ` containerd version: ${info.ContainerdCommit?.ID ?? ''}`,
    ` runc version: ${info.RuncCommit?.ID ?? ''}`,
    ` init version: ${info.InitCommit?.ID ?? ''}`,
    ...section(' Security Options:', (info.SecurityOptions ?? []).flatMap(securityLines)),
  ];
}

/** `name=seccomp,profile=builtin`; engines of old gave the name alone. */
function securityLines(option: string): string[] {
  const pairs = option.split(',').map(pair => pair.split('='));
  const name = pairs.find(([key]) => key === 'name')?.[1] ?? option;
  const profiles = pairs.filter(([key]) => key === 'profile').map(([, value]) => `   Profile: ${value}`);
  return [`  ${name}`, ...profiles];
}

function hostLines(info: SystemInfo): string[] {
  return [
    ...known(' Kernel Version:', info.KernelVersion),
    ...known(' Operating System:', info.OperatingSystem),
    ...known(' OSType:', info.OSType),
    ...known(' Architecture:', info.Architecture),
    ` CPUs: ${info.NCPU ?? 0}`,
    ` Total Memory: ${bytesSize(info.MemTotal ?? 0)}`,
    ...known(' Name:', info.Name),
    ...known(' ID:', info.ID),
    ` Docker Root Dir: ${info.DockerRootDir ?? ''}`,
    ` Debug Mode: ${info.Debug ?? false}`,
  ];
}

function debugLines(info: SystemInfo): string[] {
  return [
    `  File Descriptors: ${info.NFd ?? 0}`,
    `  Goroutines: ${info.NGoroutines ?? 0}`,
    `  System Time: ${info.SystemTime ?? ''}`,
    `  EventsListeners: ${info.NEventsListener ?? 0}`,
  ];
}

function registryLines({ RegistryConfig: config }: SystemInfo): string[] {
  const indexes = Object.values(config?.IndexConfigs ?? {});
  const networks = config?.InsecureRegistryCIDRs ?? [];
  const insecure = [...indexes.filter(index => !index.Secure).map(index => index.Name ?? ''), ...networks];
  const hasAny = indexes.length > 0 || networks.length > 0;
  return [
    ...(hasAny ? [' Insecure Registries:', ...insecure.map(name => `  ${name}`)] : []),
    ...section(
      ' Registry Mirrors:',
      (config?.Mirrors ?? []).map(mirror => `  ${mirror}`),
    ),
  ];
}

function firewallLines({ FirewallBackend: firewall }: SystemInfo): string[] {
  if (!firewall) return [];
  return [
    ` Firewall Backend: ${firewall.Driver ?? ''}`,
    ...(firewall.Info ?? []).map(([name, value]) => `  ${name}: ${value}`),
  ];
}
