import { containerConfig, descriptor, driverData, emptyStruct, healthConfig, platform } from './image-config.ts';
import {
  embedded,
  mapOf,
  optional,
  pointerTo,
  renamed,
  type Shape,
  sliceOf,
  stringMap,
  strings,
  struct,
} from './shape.ts';

const config = struct('v1.DockerOCIImageConfig', {
  ImageConfig: embedded(
    struct('v1.ImageConfig', {
      User: optional('string'),
      ExposedPorts: optional(mapOf(emptyStruct)),
      Env: optional(strings),
      Entrypoint: optional(strings),
      Cmd: optional(strings),
      Volumes: optional(mapOf(emptyStruct)),
      WorkingDir: optional('string'),
      Labels: optional(stringMap),
      StopSignal: optional('string'),
      ArgsEscaped: optional('bool'),
    }),
  ),
  DockerOCIImageConfigExt: embedded(
    struct('v1.DockerOCIImageConfigExt', {
      Healthcheck: optional(pointerTo(healthConfig)),
      OnBuild: optional(strings),
      Shell: optional(strings),
    }),
  ),
});

const manifest = struct('image.ManifestSummary', {
  ID: 'string',
  Descriptor: descriptor,
  Available: 'bool',
  Size: struct('struct { Content int64; Total int64 }', { Content: 'int', Total: 'int' }),
  Kind: 'string',
  ImageData: optional(
    pointerTo(
      struct('image.ImageProperties', {
        Platform: platform,
        Size: struct('struct { Unpacked int64 }', { Unpacked: 'int' }),
        Containers: strings,
      }),
    ),
  ),
  AttestationData: optional(pointerTo(struct('image.AttestationProperties', { For: 'string' }))),
});

export const image: Shape = struct('image.InspectResponse', {
  ID: renamed('string', 'Id'),
  RepoTags: strings,
  RepoDigests: strings,
  Parent: 'string',
  Comment: 'string',
  Created: optional('string'),
  Container: optional('string'),
  ContainerConfig: optional(pointerTo(containerConfig)),
  DockerVersion: 'string',
  Author: 'string',
  Config: pointerTo(config),
  Architecture: 'string',
  Variant: optional('string'),
  Os: 'string',
  OsVersion: optional('string'),
  Size: 'int',
  VirtualSize: optional('int'),
  GraphDriver: driverData,
  RootFS: struct('image.RootFS', { Type: optional('string'), Layers: optional(strings) }),
  Metadata: struct('image.Metadata', { LastTagTime: optional('time') }),
  Descriptor: optional(pointerTo(descriptor)),
  Manifests: optional(sliceOf(manifest)),
});
