// A request's configuration over its image's: what was not said is the image's.
import type { ContainerConfig, ImageConfig } from '../../wire/types.ts';

export function mergeConfig(request: ContainerConfig, image: ImageConfig): ContainerConfig {
  const merged: ContainerConfig = { ...request };
  merged.User ||= image.User ?? '';
  merged.WorkingDir ||= image.WorkingDir ?? '';
  merged.StopSignal ||= image.StopSignal || undefined;
  merged.ExposedPorts = { ...image.ExposedPorts, ...request.ExposedPorts };
  merged.Volumes = { ...image.Volumes, ...request.Volumes };
  merged.Labels = { ...image.Labels, ...request.Labels };
  merged.Env = mergeEnv(request.Env ?? [], image.Env ?? []);
  merged.Shell = request.Shell?.length ? request.Shell : (image.Shell ?? undefined);
  merged.OnBuild = image.OnBuild ?? undefined;
  // A given entrypoint takes the image's command out of play: that was written for the image's entrypoint.
  if (!request.Entrypoint?.length) {
    if (!request.Cmd?.length) {
      merged.Cmd = image.Cmd ?? undefined;
      merged.ArgsEscaped = image.ArgsEscaped ?? undefined;
    }
    // [""] says: no entrypoint at all.
    if (request.Entrypoint === undefined || request.Entrypoint === null)
      merged.Entrypoint = image.Entrypoint ?? undefined;
  }
  if (merged.Entrypoint?.length === 1 && merged.Entrypoint[0] === '') merged.Entrypoint = undefined;
  merged.Healthcheck = mergeHealthcheck(request.Healthcheck, image.Healthcheck);
  return merged;
}

function mergeEnv(request: readonly string[], image: readonly string[]): string[] {
  const nameOf = (line: string) => line.split('=', 1)[0]!;
  const given = new Set(request.map(nameOf));
  return [...request, ...image.filter(line => !given.has(nameOf(line)))];
}

function mergeHealthcheck(
  request: ContainerConfig['Healthcheck'],
  image: ContainerConfig['Healthcheck'],
): ContainerConfig['Healthcheck'] {
  if (!image) return request ?? undefined;
  if (!request) return image;
  return {
    Test: request.Test?.length ? request.Test : image.Test,
    Interval: request.Interval || image.Interval,
    Timeout: request.Timeout || image.Timeout,
    StartPeriod: request.StartPeriod || image.StartPeriod,
    StartInterval: request.StartInterval || image.StartInterval,
    Retries: request.Retries || image.Retries,
  };
}
