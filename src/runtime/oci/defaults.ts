// What every container gets unless told otherwise: Docker's mounts, device rules, masked and read-only paths.
import { existsSync, readFileSync } from 'node:fs';
import { errnoOf } from '../../lib/errors.ts';
import { parseRangeList } from './ranges.ts';
import type { OciDeviceRule, OciMount } from './types.ts';

/** The oldest that has all we use: runtimes refuse versions newer than themselves. */
export const OCI_VERSION = '1.0.2';

export function defaultMounts(): OciMount[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['ro', 'nosuid', 'noexec', 'nodev'] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777'] },
  ];
}

export const defaultReadonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

const alwaysMasked: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  // Counts what other containers do.
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  // Power readings leak what the processor works on.
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

let masked: readonly string[] | undefined;

export function defaultMaskedPaths(): readonly string[] {
  masked ??= [
    ...alwaysMasked,
    ...possibleCpus()
      .map(cpu => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`)
      .filter(path => existsSync(path)),
  ];
  return masked;
}

function possibleCpus(): number[] {
  try {
    return [...parseRangeList(readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim())];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

const device = (major: number, minor: number, allow = true): OciDeviceRule => ({
  allow,
  type: 'c',
  major,
  minor,
  access: 'rwm',
});

/** Nothing but zero, null, urandom, random, tty and console; fuse is named to be refused. */
export function defaultDeviceRules(): OciDeviceRule[] {
  return [
    { allow: false, access: 'rwm' },
    device(1, 5),
    device(1, 3),
    device(1, 9),
    device(1, 8),
    device(5, 0),
    device(5, 1),
    device(10, 229, false),
  ];
}

export const everyDevice: OciDeviceRule = { allow: true, access: 'rwm' };
