// Containers in the words of older clients. The engine speaks the newest version; nothing here changes what it handed out.

import { shortId } from '../../lib/ids.ts';
import type {
  ContainerInspectResponse,
  ContainerStatsResponse,
  ContainerSummary,
  ContainerUpdateRequest,
  EndpointSettings,
} from '../../wire/types.ts';
import type { ApiVersion } from '../version.ts';

export function summaryFor(version: ApiVersion, summary: ContainerSummary): ContainerSummary {
  if (!version.before('1.52')) return summary;
  const { Health: _since152, ...older } = summary;
  if (version.before('1.48')) delete older.ImageManifestDescriptor;
  if (version.before('1.46') && older.HostConfig) {
    const { Annotations: _since146, ...hostConfig } = older.HostConfig;
    older.HostConfig = hostConfig;
  }
  return older;
}

export function statsFor(version: ApiVersion, stats: ContainerStatsResponse): ContainerStatsResponse {
  if (!version.before('1.52')) return stats;
  const { os_type: _since152, ...older } = stats;
  return older;
}

export function inspectFor(version: ApiVersion, inspect: ContainerInspectResponse): ContainerInspectResponse {
  if (!version.before('1.52')) return inspect;
  const older = { ...inspect };
  const snapshotter = older.Storage?.RootFS?.Snapshot?.Name;
  if (!older.GraphDriver && snapshotter !== undefined) {
    older.GraphDriver = { Name: snapshotter, Data: {} };
    delete older.Storage;
  }
  if (version.before('1.48')) delete older.ImageManifestDescriptor;
  older.Config = { OnBuild: null, ...inspect.Config };
  const mac = mainEndpoint(inspect)?.MacAddress;
  if (mac) older.Config.MacAddress = mac;
  const networks = version.before('1.45') ? withShortIdAliases(inspect) : inspect.NetworkSettings?.Networks;
  older.NetworkSettings = { ...flatBridge(inspect), ...inspect.NetworkSettings, Networks: networks };
  return older;
}

/** The endpoint that a container-wide setting is about: the network it was created with. */
function mainEndpoint({ HostConfig, NetworkSettings }: ContainerInspectResponse): EndpointSettings | undefined {
  const mode = HostConfig?.NetworkMode ?? 'default';
  return NetworkSettings?.Networks?.[mode === 'default' ? 'bridge' : mode];
}

/** Before there were several networks, the bridge's settings stood beside them. */
function flatBridge({ NetworkSettings }: ContainerInspectResponse): Record<string, unknown> {
  const bridge = NetworkSettings?.Networks?.bridge;
  return {
    Bridge: '',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.EndpointID ?? '',
    Gateway: bridge?.Gateway ?? '',
    GlobalIPv6Address: bridge?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: bridge?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: bridge?.IPAddress ?? '',
    IPPrefixLen: bridge?.IPPrefixLen ?? 0,
    IPv6Gateway: bridge?.IPv6Gateway ?? '',
    MacAddress: bridge?.MacAddress ?? '',
  };
}

/** What is in DNSNames since 1.45 was mixed into the aliases. */
function withShortIdAliases(inspect: ContainerInspectResponse): Record<string, EndpointSettings> | undefined {
  const networks = inspect.NetworkSettings?.Networks;
  if (!networks) return networks;
  const names = [shortId(inspect.Id ?? ''), inspect.Config?.Hostname ?? ''].filter(name => name !== '');
  return Object.fromEntries(
    Object.entries(networks).map(([name, endpoint]) => {
      if (['bridge', 'host', 'none', 'default'].includes(name)) return [name, endpoint];
      return [name, { ...endpoint, Aliases: [...new Set([...(endpoint.Aliases ?? []), ...names])] }];
    }),
  );
}

/** What an older client sends and never meant. */
export function updateFrom(version: ApiVersion, update: ContainerUpdateRequest): ContainerUpdateRequest {
  if (version.before('1.40')) delete update.PidsLimit;
  if (version.before('1.55')) {
    delete update.BlkioWeightDevice;
    delete update.BlkioDeviceReadBps;
    delete update.BlkioDeviceWriteBps;
    delete update.BlkioDeviceReadIOps;
    delete update.BlkioDeviceWriteIOps;
  }
  // 0 and everything below it lift the limit.
  if (typeof update.PidsLimit === 'number' && update.PidsLimit < 0) update.PidsLimit = 0;
  return update;
}
