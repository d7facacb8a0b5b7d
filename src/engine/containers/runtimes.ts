import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { invalid, unavailable } from '../../lib/errors.ts';
import type { OciRuntime } from '../../runtime/conmon.ts';
import type { ContainerContext } from './context.ts';
import { runtimeState } from './paths.ts';
import type { ContainerRecord } from './record.ts';

/** The program behind a name of --runtime, told to keep its state with this engine. */
export function runtimeNamed(
  { config, cgroupDriver }: Pick<ContainerContext, 'config' | 'cgroupDriver'>,
  name: string,
): OciRuntime {
  const runtime = config.runtimes[name];
  if (!runtime) throw invalid(`unknown or invalid runtime name: ${name}`);
  const path = runtime.path.includes('/') ? runtime.path : (Bun.which(runtime.path) ?? runtime.path);
  const state = runtimeState(config, name);
  return {
    name,
    path,
    args: ['--root', state, ...(cgroupDriver === 'systemd' ? ['--systemd-cgroup'] : []), ...runtime.args],
    ...(basename(path) === 'crun' ? { crunState: state } : {}),
  };
}

export const ociRuntime = (context: ContainerContext, record: ContainerRecord): OciRuntime =>
  runtimeNamed(context, record.runtime);

/** For making something new: conmon could not say that the runtime is not there. */
export function installedRuntime(context: ContainerContext, record: ContainerRecord): OciRuntime {
  const runtime = ociRuntime(context, record);
  if (existsSync(runtime.path)) return runtime;
  throw unavailable(
    `the OCI runtime ${runtime.path} is not on this machine: install the package ${basename(runtime.path)}`,
  );
}
