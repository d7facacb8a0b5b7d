import { mapOf, optional, pointerTo, stringMap, strings, struct } from './shape.ts';

export const healthConfig = struct('v1.HealthcheckConfig', {
  Test: optional(strings),
  Interval: optional('duration'),
  Timeout: optional('duration'),
  StartPeriod: optional('duration'),
  StartInterval: optional('duration'),
  Retries: optional('int'),
});

export const emptyStruct = struct('struct {}', {});

export const platform = struct('v1.Platform', {
  Architecture: { shape: 'string', json: 'architecture' },
  OS: { shape: 'string', json: 'os' },
  OSVersion: optional('string', 'os.version'),
  OSFeatures: optional(strings, 'os.features'),
  Variant: optional('string', 'variant'),
});

export const descriptor = struct('v1.Descriptor', {
  MediaType: { shape: 'string', json: 'mediaType' },
  Digest: { shape: 'string', json: 'digest' },
  Size: { shape: 'int', json: 'size' },
  URLs: optional(strings, 'urls'),
  Annotations: optional(stringMap, 'annotations'),
  Data: optional('string', 'data'),
  Platform: optional(pointerTo(platform), 'platform'),
  ArtifactType: optional('string', 'artifactType'),
});

export const driverData = struct('storage.DriverData', { Data: stringMap, Name: 'string' });

/** What both containers and images have: the settings of the process. */
export const containerConfig = struct('container.Config', {
  Hostname: 'string',
  Domainname: 'string',
  User: 'string',
  AttachStdin: 'bool',
  AttachStdout: 'bool',
  AttachStderr: 'bool',
  ExposedPorts: optional(mapOf(emptyStruct, 'nat.Port')),
  Tty: 'bool',
  OpenStdin: 'bool',
  StdinOnce: 'bool',
  Env: strings,
  Cmd: strings,
  Healthcheck: optional(pointerTo(healthConfig)),
  ArgsEscaped: optional('bool'),
  Image: 'string',
  Volumes: mapOf(emptyStruct),
  WorkingDir: 'string',
  Entrypoint: strings,
  NetworkDisabled: optional('bool'),
  MacAddress: optional('string'),
  OnBuild: strings,
  Labels: stringMap,
  StopSignal: optional('string'),
  StopTimeout: optional(pointerTo('int')),
  Shell: optional(strings),
});
