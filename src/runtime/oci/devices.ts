// Devices for a container: --device, --device-cgroup-rule, and all of the host's for --privileged.
import { lstatSync, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { errnoOf, invalid, messageOf, notBuilt } from '../../lib/errors.ts';
import type { DeviceMapping, HostConfig } from '../../wire/types.ts';
import { defaultDeviceRules, everyDevice } from './defaults.ts';
import type { OciDevice, OciDeviceRule, OciDeviceType } from './types.ts';

export interface ContainerDevices {
  nodes: OciDevice[];
  rules: OciDeviceRule[];
  warnings: string[];
}

export function containerDevices(hostConfig: HostConfig): ContainerDevices {
  const request = hostConfig.DeviceRequests?.[0];
  if (request) {
    const wanted = (request.Capabilities ?? []).map(set => `[${set.join(' ')}]`).join('');
    throw notBuilt(`could not select device driver "${request.Driver ?? ''}" with capabilities: [${wanted}]`);
  }
  return hostConfig.Privileged ? privilegedDevices(hostConfig) : chosenDevices(hostConfig);
}

function privilegedDevices(hostConfig: HostConfig): ContainerDevices {
  const nodes = devicesUnder('/dev');
  const warnings: string[] = [];
  for (const mapping of hostConfig.Devices ?? []) {
    const { host, container, access } = pathsOf(mapping);
    if (access !== 'rwm')
      warnings.push(`custom ${access} permissions for device ${host} are ignored in privileged mode`);
    if (host === container) {
      warnings.push(`path in container ${container} already exists in privileged mode`);
      continue;
    }
    nodes.push(...devicesAt(host, container));
  }
  return { nodes, rules: [...defaultDeviceRules(), everyDevice], warnings };
}

function chosenDevices(hostConfig: HostConfig): ContainerDevices {
  const nodes: OciDevice[] = [];
  const rules = defaultDeviceRules();
  for (const mapping of hostConfig.Devices ?? []) {
    const { host, container, access } = pathsOf(mapping);
    for (const node of devicesAt(host, container)) {
      nodes.push(node);
      rules.push({ allow: true, type: node.type, major: node.major, minor: node.minor, access });
    }
  }
  rules.push(...(hostConfig.DeviceCgroupRules ?? []).map(parseDeviceRule));
  return { nodes, rules, warnings: [] };
}

function pathsOf({ PathOnHost = '', PathInContainer, CgroupPermissions }: DeviceMapping) {
  return { host: PathOnHost, container: PathInContainer || PathOnHost, access: CgroupPermissions || 'rwm' };
}

/** "c 10:* rwm". */
function parseDeviceRule(text: string): OciDeviceRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text);
  if (!match) throw invalid(`invalid device cgroup rule format: '${text}'`);
  const [, type, major, minor, access] = match;
  // All is said by leaving it out: crun takes Docker's -1 for a number.
  return {
    allow: true,
    type,
    ...(major !== '*' && { major: Number(major) }),
    ...(minor !== '*' && { minor: Number(minor) }),
    access: access!,
  };
}

/** The device at a path of the host, or all in a directory, under their path in the container. */
function devicesAt(host: string, container: string): OciDevice[] {
  let found: OciDevice[] = [];
  let reason = 'not a device node';
  try {
    // A link is followed, and what is behind it is what the container sees under the link's name.
    const resolved = realpathSync(host);
    const stat = statSync(resolved);
    const node = deviceOf(stat, container);
    if (node) return [node];
    if (stat.isDirectory()) {
      found = walk(resolved, () => false).map(each => ({
        ...each,
        path: container + each.path.slice(resolved.length),
      }));
    }
  } catch (error) {
    reason = errnoOf(error) === 'ENOENT' ? 'no such file or directory' : messageOf(error);
  }
  if (found.length > 0) return found;
  throw invalid(`error gathering device information while adding custom device "${host}": ${reason}`);
}

const notDevices: ReadonlySet<string> = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev']);

/** What --privileged gives: all of /dev but the terminal of the machine and what every container has of its own. */
function devicesUnder(directory: string): OciDevice[] {
  return walk(directory, name => notDevices.has(name)).filter(
    node => node.type !== 'p' && !node.path.endsWith('/console'),
  );
}

function walk(directory: string, skip: (name: string) => boolean): OciDevice[] {
  const nodes: OciDevice[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!skip(entry.name)) nodes.push(...walk(path, skip));
      continue;
    }
    if (!entry.isCharacterDevice() && !entry.isBlockDevice() && !entry.isFIFO()) continue;
    try {
      const node = deviceOf(lstatSync(path), path);
      if (node) nodes.push(node);
    } catch (error) {
      // Devices come and go.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  return nodes;
}

function deviceOf(stat: Stats, path: string): OciDevice | undefined {
  const type = typeOf(stat);
  if (!type) return undefined;
  return { type, path, ...deviceNumbers(stat.rdev), fileMode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid };
}

function typeOf(stat: Stats): OciDeviceType | undefined {
  if (stat.isCharacterDevice()) return 'c';
  if (stat.isBlockDevice()) return 'b';
  return stat.isFIFO() ? 'p' : undefined;
}

/** glibc's dev_t: 12 + 20 bits each, interleaved. */
function deviceNumbers(rdev: number): { major: number; minor: number } {
  const high = Math.floor(rdev / 2 ** 32);
  const low = rdev % 2 ** 32;
  return {
    major: ((low >>> 8) & 0xfff) | (high & 0xfffff000),
    minor: (low & 0xff) | ((low >>> 12) & 0xfff00),
  };
}

/** Major and minor of the disk at a path, for block I/O limits. */
export function diskNumbers(path: string): { major: number; minor: number } {
  try {
    return deviceNumbers(statSync(path).rdev);
  } catch (error) {
    const reason = errnoOf(error) === 'ENOENT' ? 'no such file or directory' : messageOf(error);
    throw invalid(`stat ${path}: ${reason}`, error);
  }
}
