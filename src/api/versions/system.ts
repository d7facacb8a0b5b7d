// The engine as a whole in the words of older clients.
import type { DiskUsage } from '../../engine/system/system.ts';
import type { Commit, EventMessage, ImageSummary, SystemInfo } from '../../wire/types.ts';
import type { ApiVersion } from '../version.ts';
import { summaryFor } from './containers.ts';
import { imageSummaryFor } from './images.ts';

export function infoFor(version: ApiVersion, info: SystemInfo): Record<string, unknown> {
  const shown: Record<string, unknown> = { ...info };
  if (version.before('1.53')) delete shown.NRI;
  if (version.before('1.50')) {
    delete shown.DiscoveredDevices;
    shown.BridgeNfIptables = false;
    shown.BridgeNfIp6tables = false;
  }
  if (version.before('1.49')) {
    delete shown.FirewallBackend;
    for (const name of ['ContainerdCommit', 'RuncCommit', 'InitCommit'] as const) shown[name] = expected(info[name]);
    shown.RegistryConfig = {
      AllowNondistributableArtifactsCIDRs: null,
      AllowNondistributableArtifactsHostnames: null,
      ...info.RegistryConfig,
    };
  }
  if (version.before('1.46')) delete shown.Containerd;
  if (version.before('1.44')) {
    shown.Runtimes = Object.fromEntries(
      Object.entries(info.Runtimes ?? {}).map(([name, { status: _since144, ...runtime }]) => [name, runtime]),
    );
  }
  if (version.before('1.42')) {
    shown.KernelMemory = false;
    shown.KernelMemoryTCP = false;
  }
  if (version.before('1.39')) delete shown.Warnings;
  return shown;
}

/** Clients compared what there was with what there should be. */
function expected(commit: Commit | undefined): Record<string, string> {
  const id = commit?.ID ?? '';
  return { ID: id, Expected: id };
}

/** Undefined for an event that the client does not know. */
export function eventFor(version: ApiVersion, event: EventMessage): EventMessage | Record<string, unknown> | undefined {
  if (version.before('1.46') && event.Type === 'image' && event.Action === 'create') return undefined;
  if (version.before('1.36') && event.Action?.startsWith('exec_die')) return undefined;
  if (!version.before('1.52') || (event.Type !== 'container' && event.Type !== 'image')) return event;
  return {
    status: event.Action,
    id: event.Actor?.ID,
    ...(event.Type === 'container' ? { from: event.Actor?.Attributes?.image } : {}),
    ...event,
  };
}

export function diskUsageFor(version: ApiVersion, usage: DiskUsage, verbose: boolean): Record<string, unknown> {
  const older = {
    ...(usage.images && {
      LayersSize: usage.images.TotalSize,
      Images: usage.images.Items.map(item => imageFor(version, item)),
    }),
    ...(usage.containers && { Containers: usage.containers.Items.map(item => summaryFor(version, item)) }),
    ...(usage.volumes && { Volumes: usage.volumes.Items }),
    ...(usage.buildCache && { BuildCache: usage.buildCache.Items }),
  };
  if (version.before('1.52')) return version.before('1.42') ? { ...older, BuilderSize: 0 } : older;
  const newer = {
    ...(usage.images && { ImageUsage: brief(usage.images, verbose) }),
    ...(usage.containers && { ContainerUsage: brief(usage.containers, verbose) }),
    ...(usage.volumes && { VolumeUsage: brief(usage.volumes, verbose) }),
    ...(usage.buildCache && { BuildCacheUsage: brief(usage.buildCache, verbose) }),
  };
  // Who asks for the long form knows the new names; all others may still look for the old ones.
  return verbose ? newer : { ...older, ...newer };
}

function brief<Kind extends { Items: unknown[] }>(usage: Kind, verbose: boolean): unknown {
  if (verbose) return usage;
  const { Items: _long, ...numbers } = usage;
  return numbers;
}

/** Here the containers were always counted. */
function imageFor(version: ApiVersion, image: ImageSummary): object {
  return { ...imageSummaryFor(version, image), Containers: image.Containers };
}
