// Flags that let a container use devices.
import { cleanPath } from '../../../../lib/clean-path.ts';
import type { DeviceMapping, DeviceRequest, HostConfig } from '../../../../wire/types.ts';
import { readCsv, splitPair } from '../../../framework/flag-types.ts';
import type { FlagTable, FlagValues } from '../../../framework/flags.ts';
import { unlessEmpty } from './unless-empty.ts';

export const deviceFlags = {
  device: { type: 'list', summary: 'Device of the host, as <path>[:<path inside>[:<rwm>]]' },
  'device-cgroup-rule': { type: 'list', parse: checkCgroupRule, summary: 'Rule for the devices that may be used' },
  gpus: { type: 'gpu-request', since: '1.40', parse: parseGpus, summary: "GPUs to use ('all': every one)" },
} as const satisfies FlagTable;

function checkCgroupRule(text: string): string {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text))
    throw new Error(`invalid device cgroup format '${text}'`);
  return text;
}

function parseGpus(text: string): DeviceRequest {
  const request: DeviceRequest = { Count: 0, Capabilities: [['gpu']], Options: {} };
  const seen = new Set<string>();
  for (const field of readCsv(text)) {
    const hasValue = field.includes('=');
    const [key, value] = splitPair(field);
    if (seen.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    seen.add(key);
    if (!hasValue) {
      seen.add('count');
      request.Count = gpuCount(key);
      continue;
    }
    switch (key) {
      case 'driver':
        request.Driver = value;
        break;
      case 'count':
        request.Count = gpuCount(value);
        break;
      case 'device':
        request.DeviceIDs = value.split(',');
        break;
      case 'capabilities':
        request.Capabilities = [[...value.split(','), 'gpu']];
        break;
      case 'options':
        request.Options = Object.fromEntries(readCsv(value).map(option => splitPair(option)));
        break;
      default:
        throw new Error(`unexpected key '${key}' in '${field}'`);
    }
  }
  if (!seen.has('count') && !request.DeviceIDs) request.Count = 1;
  return request;
}

function gpuCount(text: string): number {
  if (text === 'all') return -1;
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Error(`invalid count (${text}): value must be either "all" or an integer: invalid syntax`);
  }
  return Number(text);
}

/** `vendor.com/class=name`: a device that the engine finds by its CDI description. */
const cdiName = /^[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]\/[A-Za-z][A-Za-z0-9_-]*=[A-Za-z0-9][A-Za-z0-9_.:-]*$/;

export function deviceHostConfig(flags: FlagValues<typeof deviceFlags>): HostConfig {
  const cdi = flags.device.filter(device => cdiName.test(device));
  const requests = [...flags.gpus, ...(cdi.length > 0 ? [{ Driver: 'cdi', DeviceIDs: cdi }] : [])];
  return {
    Devices: flags.device.filter(device => !cdiName.test(device)).map(parseDevice),
    DeviceCgroupRules: unlessEmpty(flags['device-cgroup-rule']),
    ...(requests.length > 0 && { DeviceRequests: requests }),
  };
}

const isMode = (text: string) => /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;

function parseDevice(text: string): DeviceMapping {
  const parts = text.split(':');
  const [source = ''] = parts;
  if (parts.length > 3 || source === '') throw new Error(`bad format for path: ${text}`);
  let target = source;
  let mode = 'rwm';
  if (parts.length === 3) {
    target = parts[1]!;
    mode = parts[2]!;
    if (!isMode(mode)) throw new Error(`bad mode specified: ${mode}`);
  } else if (parts.length === 2) {
    if (isMode(parts[1]!)) mode = parts[1]!;
    else target = parts[1]!;
  }
  if (!target.startsWith('/')) throw new Error(`${target} is not an absolute path`);
  // With a mode after it the path is taken as it is.
  const clean = parts.length === 3 ? (path: string) => path : cleanPath;
  return {
    PathOnHost: parts.length === 2 && target !== source ? source : clean(source),
    PathInContainer: clean(target),
    CgroupPermissions: mode,
  };
}
