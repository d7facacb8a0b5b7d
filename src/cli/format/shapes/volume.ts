import { embedded, mapOf, optional, pointerTo, type Shape, stringMap, strings, struct } from './shape.ts';

const usageData = struct('volume.UsageData', { RefCount: 'int', Size: 'int' });

const objectVersion = struct('swarm.Version', { Index: optional('int') });

const topology = struct('volume.Topology', { Segments: optional(stringMap) });

const accessMode = struct('volume.AccessMode', {
  Scope: optional('string'),
  Sharing: optional('string'),
  MountVolume: optional(
    pointerTo(struct('volume.TypeMount', { FsType: optional('string'), MountFlags: optional(strings) })),
  ),
  BlockVolume: optional(pointerTo(struct('volume.TypeBlock', {}))),
});

const clusterVolumeSpec = struct('volume.ClusterVolumeSpec', {
  Group: optional('string'),
  AccessMode: optional(pointerTo(accessMode)),
  AccessibilityRequirements: optional(
    pointerTo(
      struct('volume.TopologyRequirement', {
        Requisite: optional({ slice: topology, type: '[]volume.Topology' }),
        Preferred: optional({ slice: topology, type: '[]volume.Topology' }),
      }),
    ),
  ),
  CapacityRange: optional(pointerTo(struct('volume.CapacityRange', { RequiredBytes: 'int', LimitBytes: 'int' }))),
  Secrets: optional({
    slice: struct('volume.Secret', { Key: 'string', Secret: 'string' }),
    type: '[]volume.Secret',
  }),
  Availability: optional('string'),
});

const clusterVolume = struct('volume.ClusterVolume', {
  ID: 'string',
  Meta: embedded(struct('swarm.Meta', { Version: objectVersion, CreatedAt: 'time', UpdatedAt: 'time' })),
  Spec: clusterVolumeSpec,
  PublishStatus: optional({
    slice: pointerTo(
      struct('volume.PublishStatus', {
        NodeID: optional('string'),
        State: optional('string'),
        PublishContext: optional(stringMap),
      }),
    ),
    type: '[]*volume.PublishStatus',
  }),
  Info: optional(
    pointerTo(
      struct('volume.Info', {
        CapacityBytes: optional('int'),
        VolumeContext: optional(stringMap),
        VolumeID: optional('string'),
        AccessibleTopology: optional({ slice: topology, type: '[]volume.Topology' }),
      }),
    ),
  ),
});

export const volume: Shape = struct('volume.Volume', {
  ClusterVolume: optional(pointerTo(clusterVolume)),
  CreatedAt: optional('string'),
  Driver: 'string',
  Labels: stringMap,
  Mountpoint: 'string',
  Name: 'string',
  Options: stringMap,
  Scope: 'string',
  Status: optional(mapOf('any')),
  UsageData: optional(pointerTo(usageData)),
});
