import { optional, pointerTo, renamed, type Shape, sliceOf, stringMap, struct } from './shape.ts';

const component = struct('types.ComponentVersion', {
  Name: 'string',
  Version: 'string',
  Details: optional(stringMap),
});

const server = struct('types.Version', {
  Platform: struct('struct { Name string }', { Name: 'string' }),
  Components: optional(sliceOf(component)),
  Version: 'string',
  APIVersion: renamed('string', 'ApiVersion'),
  MinAPIVersion: optional('string'),
  GitCommit: 'string',
  GoVersion: 'string',
  Os: 'string',
  Arch: 'string',
  KernelVersion: optional('string'),
  Experimental: optional('bool'),
  BuildTime: optional('string'),
});

export const clientVersionFields = {
  Platform: optional(pointerTo(struct('system.platformInfo', { Name: optional('string') }))),
  Version: optional('string'),
  APIVersion: optional('string', 'ApiVersion'),
  DefaultAPIVersion: optional('string'),
  GitCommit: optional('string'),
  GoVersion: optional('string'),
  Os: optional('string'),
  Arch: optional('string'),
  BuildTime: optional('string'),
  Context: 'string',
} as const;

export const versionInfo: Shape = struct('system.versionInfo', {
  Client: struct('system.clientVersion', clientVersionFields),
  Server: pointerTo(server),
});
