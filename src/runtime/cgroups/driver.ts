// Who makes the cgroups of containers: the runtime alone, or systemd, which the runtime asks for a scope.
import { existsSync } from 'node:fs';
import { invalid, unavailable } from '../../lib/errors.ts';

export type CgroupDriver = 'cgroupfs' | 'systemd';

/** In the words of Docker, which tools look for. */
const NO_SLICE = 'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"';
const SYSTEM_SLICE = 'system.slice';
/** The first part of a scope's name. */
const PREFIX = 'docker';

/** Both are needed: the runtime talks to systemd over the system bus. */
const marks = ['/run/systemd/system', '/run/dbus/system_bus_socket'];

/** The one that was asked for, if it can be had. Decision 14 says why systemd is not the default where it runs. */
export function chooseDriver(
  asked: CgroupDriver | undefined,
  systemd = marks.every(path => existsSync(path)),
): CgroupDriver {
  if (asked === 'systemd' && !systemd) {
    throw unavailable(
      'native.cgroupdriver=systemd: systemd or its bus does not run on this machine; use native.cgroupdriver=cgroupfs',
    );
  }
  return asked ?? 'cgroupfs';
}

export function checkParent(driver: CgroupDriver, parent: string): void {
  if (driver === 'systemd' && parent !== '') sliceDirectory(parent);
}

/** Where systemd has a slice: 'a-b.slice' lies in 'a.slice', '-.slice' is the root. */
export function sliceDirectory(slice: string): string {
  if (slice === '-.slice') return '';
  const name = /^([^/]+)\.slice$/.exec(slice)?.[1] ?? '';
  const parts = name.split('-');
  if (parts.includes('')) throw invalid(NO_SLICE);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('-')}.slice`).join('');
}

export interface CgroupPlace {
  /** As the runtime is told it. */
  cgroupsPath: string;
  /** From the root of each tree. */
  path: string;
}

/** Where Docker puts a container: under its own parent, or the engine's, or the driver's. */
export function containerPlace(driver: CgroupDriver, id: string, parent: string | undefined): CgroupPlace {
  if (driver === 'systemd') {
    const slice = parent || SYSTEM_SLICE;
    return { cgroupsPath: `${slice}:${PREFIX}:${id}`, path: `${sliceDirectory(slice)}/${PREFIX}-${id}.scope` };
  }
  const parts: string[] = [];
  for (const part of (parent || '/docker').split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  const path = `/${[...parts, id].join('/')}`;
  return { cgroupsPath: path, path };
}

/** The unit of a cgroup that systemd made. */
export function unitOf(path: string): string | undefined {
  return /\/(docker-[0-9a-f]+\.scope)$/.exec(path)?.[1];
}

/**
 * What the runtime is to ask systemd for besides: the container in the scope itself, as every other engine has it, and
 * nothing kept of a scope that failed, for the next start needs its name.
 */
export const scopeAnnotations: Readonly<Record<string, string>> = {
  'run.oci.systemd.subgroup': '',
  'org.systemd.property.CollectMode': "'inactive-or-failed'",
};
