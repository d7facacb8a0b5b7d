// What is stored of a container. The phase says what may be done with it; everything else is description.
import type { Descriptor } from '../../content/oci.ts';
import { conflict } from '../../lib/errors.ts';
import type { ContainerId, Digest } from '../../lib/ids.ts';
import type { ContainerConfig, Health, HostConfig } from '../../wire/types.ts';
import type { ContainerMount } from '../volumes/mount-points.ts';

export type Phase =
  /** Never started. */
  | { kind: 'created' }
  /** Its init runs (or is frozen). `startTime` tells this process from a later one with the same number. */
  | { kind: 'running'; pid: number; conmonPid: number; startTime: string; paused: boolean }
  /** Ended, and the restart policy will start it again. */
  | { kind: 'restarting' }
  | { kind: 'exited' }
  /** With the volumes that nobody named, or without. */
  | { kind: 'removing'; volumes: boolean }
  /** Its removal failed half-way; only another removal makes sense. */
  | { kind: 'dead'; volumes: boolean };

export interface ContainerRecord {
  id: ContainerId;
  name: string;
  created: string;
  image: {
    id: Digest | '';
    reference: string;
    manifest?: Descriptor;
    os: string;
    architecture: string;
  };
  /** The request's configuration with the image's defaults merged in. */
  config: ContainerConfig;
  hostConfig: HostConfig;
  /** What runs: entrypoint and command put together. */
  path: string;
  args: string[];
  mounts: ContainerMount[];
  runtime: string;
  /** Where its processes are since its last start: the engine may have got another cgroup driver since. */
  cgroup?: string;
  logDriver: string;
  logOptions: Record<string, string>;
  phase: Phase;
  /** Its creation goes on. A daemon that finds this at its start takes back what there is: nobody was told of it. */
  unfinished?: boolean;
  startedAt: string;
  finishedAt: string;
  exitCode: number;
  oomKilled: boolean;
  error: string;
  restartCount: number;
  /** Somebody stopped it by name; `unless-stopped` remembers that over a restart of the daemon. */
  manuallyStopped: boolean;
  health?: Health;
}

export const ZERO_TIME = '0001-01-01T00:00:00Z';

export type Status = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export function statusOf(record: ContainerRecord): Status {
  const { phase } = record;
  return phase.kind === 'running' && phase.paused ? 'paused' : phase.kind;
}

/** The running phase, or Docker's answer to whoever needs one. */
export function requireRunning(record: ContainerRecord, verb?: string) {
  if (record.phase.kind === 'running') return record.phase;
  if (record.phase.kind === 'restarting') {
    throw conflict(`Container ${record.id} is restarting, wait until the container is running`);
  }
  throw conflict(
    verb ? `cannot ${verb} container ${record.id}: it is not running` : `container ${record.id} is not running`,
  );
}
