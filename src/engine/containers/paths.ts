// Where a container's files are. What must outlive a reboot is under the data root, all else under the exec root.
import type { EngineConfig } from '../config.ts';

export interface ContainerPaths {
  /** Under the data root: hosts, hostname, resolv.conf, logs. */
  directory: string;
  hosts: string;
  hostname: string;
  resolvConf: string;
  logs: string;
  /** Under the exec root: the bundle, and conmon's sockets and pid files. */
  bundle: string;
  execs: string;
  exec(execId: string): string;
}

export function containerPaths(config: Pick<EngineConfig, 'dataRoot' | 'execRoot'>, id: string): ContainerPaths {
  const directory = `${config.dataRoot}/containers/${id}`;
  const bundle = `${containersExecRoot(config)}/${id}`;
  return {
    directory,
    hosts: `${directory}/hosts`,
    hostname: `${directory}/hostname`,
    resolvConf: `${directory}/resolv.conf`,
    logs: `${directory}/logs`,
    bundle,
    execs: `${bundle}/execs`,
    exec: execId => `${bundle}/execs/${execId}`,
  };
}

export const containersDataRoot = (config: Pick<EngineConfig, 'dataRoot'>) => `${config.dataRoot}/containers`;
export const containersExecRoot = (config: Pick<EngineConfig, 'execRoot'>) => `${config.execRoot}/containers`;
export const exitsDirectory = (config: Pick<EngineConfig, 'execRoot'>) => `${config.execRoot}/exits`;
/** Where an OCI runtime keeps its own state, one directory per runtime so that their formats never meet. */
export const runtimeState = (config: Pick<EngineConfig, 'execRoot'>, runtime: string) =>
  `${config.execRoot}/runtimes/${runtime}`;
