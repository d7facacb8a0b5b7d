// Linux capabilities: their names, Docker's defaults, and what --cap-add and --cap-drop make of them.
import { invalid } from '../lib/errors.ts';

/** In the kernel's order: the index is the bit. */
export const allCapabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

export type Capability = (typeof allCapabilities)[number];

const known: ReadonlySet<string> = new Set(allCapabilities);

/** What a container holds unless told otherwise. */
export const defaultCapabilities: readonly Capability[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/** The names in a mask as /proc/<pid>/status prints it. */
export function capabilitiesOfMask(hex: string): Capability[] {
  const mask = BigInt(`0x${hex}`);
  return allCapabilities.filter((_, bit) => (mask >> BigInt(bit)) & 1n);
}

function isCapability(name: string): name is Capability {
  return known.has(name);
}

/** Docker's spelling rules: any case, CAP_ may be missing, ALL stands for all. */
function normalize(names: readonly string[], held: readonly Capability[]): (Capability | 'ALL')[] {
  return names.map(name => {
    const upper = name.toUpperCase();
    if (upper === 'ALL') return 'ALL';
    const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!isCapability(full)) throw invalid(`unknown capability: "${full}"`);
    if (!held.includes(full)) {
      throw invalid(`capability not supported by your kernel or not available in the current environment: "${full}"`);
    }
    return full;
  });
}

export interface CapabilityRequest {
  add: readonly string[];
  drop: readonly string[];
  privileged: boolean;
}

/** Which capabilities a container gets, `held` being those of the engine: nobody can give more than that. */
export function containerCapabilities(request: CapabilityRequest, held: readonly Capability[]): Capability[] {
  if (request.privileged) return [...held];
  const drop = normalize(request.drop, held);
  const add = normalize(request.add, held);
  if (add.includes('ALL')) return held.filter(name => !drop.includes(name));
  const added = add.filter(name => name !== 'ALL');
  const kept = drop.includes('ALL')
    ? []
    : defaultCapabilities.filter(name => held.includes(name) && !drop.includes(name));
  return [...new Set([...kept, ...added])];
}

/** Says at creation what `containerCapabilities` would say at the start. */
export function validateCapabilities(add: readonly string[], drop: readonly string[], held: readonly Capability[]) {
  for (const [field, names] of [
    ['CapAdd', add],
    ['CapDrop', drop],
  ] as const) {
    try {
      normalize(names, held);
    } catch (error) {
      throw invalid(`invalid ${field}: ${error instanceof Error ? error.message : error}`, error);
    }
  }
}
