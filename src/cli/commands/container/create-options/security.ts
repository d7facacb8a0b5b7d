// Flags about privileges and namespaces.
import type { HostConfig } from '../../../../wire/types.ts';
import { quote } from '../../../format/template/quote.ts';
import { splitPair } from '../../../framework/flag-types.ts';
import type { FlagTable, FlagValues } from '../../../framework/flags.ts';
import { unlessEmpty } from './unless-empty.ts';

export const securityFlags = {
  'cap-add': { type: 'list', summary: 'Capability to add' },
  'cap-drop': { type: 'list', summary: 'Capability to take away' },
  cgroupns: {
    type: 'string',
    since: '1.41',
    summary: 'Cgroup namespace: host or private (default: as the engine is set up)',
  },
  'group-add': { type: 'list', summary: 'One more group' },
  ipc: { type: 'string', summary: 'IPC namespace' },
  isolation: { type: 'string', summary: 'Isolation technology' },
  pid: { type: 'string', summary: 'PID namespace' },
  privileged: { type: 'bool', summary: 'Every privilege there is' },
  'read-only': { type: 'bool', summary: 'Root file system for reading only' },
  'security-opt': { type: 'list', summary: 'Security option' },
  'storage-opt': { type: 'list', summary: 'Option of the storage driver, as name=value' },
  sysctl: { type: 'map', check: checkSysctl, summary: 'Kernel parameter of the namespaces, as name=value' },
  userns: { type: 'string', summary: 'User namespace' },
  uts: { type: 'string', summary: 'UTS namespace' },
} as const satisfies FlagTable;

const sysctls = [
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
];

function checkSysctl(text: string): void {
  const name = text.slice(0, Math.max(text.indexOf('='), 0));
  if (!sysctls.includes(name) && !/^(net\.|fs\.mqueue\.)/.test(name))
    throw new Error(`sysctl '${text}' is not allowed`);
}

export async function securityHostConfig(flags: FlagValues<typeof securityFlags>): Promise<HostConfig> {
  if (!/^(|host|container:.+)$/s.test(flags.pid)) throw new Error('--pid: invalid PID mode');
  if (!/^(|host)$/.test(flags.uts)) throw new Error('--uts: invalid UTS mode');
  if (!/^(|host)$/.test(flags.userns)) throw new Error('--userns: invalid USER mode');
  if (!/^(|host|private)$/.test(flags.cgroupns)) throw new Error('--cgroupns: invalid CGROUP mode');
  const options = await Promise.all(flags['security-opt'].map(readSecurityOption));
  // This one is ours: the engine wants the lists of paths instead.
  const bare = options.includes('systempaths=unconfined');
  return {
    IpcMode: flags.ipc,
    PidMode: flags.pid,
    UTSMode: flags.uts,
    UsernsMode: flags.userns,
    CgroupnsMode: flags.cgroupns as HostConfig['CgroupnsMode'],
    CapAdd: unlessEmpty(flags['cap-add']),
    CapDrop: unlessEmpty(flags['cap-drop']),
    GroupAdd: unlessEmpty(flags['group-add']),
    Privileged: flags.privileged,
    ReadonlyRootfs: flags['read-only'],
    Isolation: flags.isolation as HostConfig['Isolation'],
    SecurityOpt: unlessEmpty(options.filter(option => option !== 'systempaths=unconfined')),
    ...(flags['storage-opt'].length > 0 && { StorageOpt: storageOptions(flags['storage-opt']) }),
    ...(Object.keys(flags.sysctl).length > 0 && { Sysctls: flags.sysctl }),
    ...(bare && { MaskedPaths: [], ReadonlyPaths: [] }),
  };
}

/** A seccomp profile is named by its file here; the engine gets its content. */
async function readSecurityOption(option: string): Promise<string> {
  const separator = option.includes('=') || option === 'no-new-privileges' ? '=' : ':';
  const [key, value] = splitPair(option, separator);
  if (key !== 'no-new-privileges' && value === '') throw new Error(`invalid --security-opt: ${quote(option)}`);
  if (key !== 'seccomp' || value === 'unconfined' || value === 'builtin') return option;
  const file = Bun.file(value);
  if (!(await file.exists())) {
    throw new Error(`opening seccomp profile (${value}) failed: open ${value}: no such file or directory`);
  }
  try {
    return `seccomp=${JSON.stringify(JSON.parse(await file.text()))}`;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`compacting json for seccomp profile (${value}) failed: ${error.message}`);
  }
}

function storageOptions(options: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    options.map(option => {
      if (!option.includes('=')) throw new Error('invalid storage option');
      return splitPair(option);
    }),
  );
}
