// --sysctl: only what a namespace of the container's own keeps apart may be set.
import { invalid } from '../../lib/errors.ts';

export interface SysctlNamespaces {
  ipc: boolean;
  network: boolean;
  uts: boolean;
}

const ipcNames: ReadonlySet<string> = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

/** `own` tells which namespaces the container does not share with the host. */
export function checkSysctl(name: string, own: SysctlNamespaces): void {
  const dotted = name.replaceAll('/', '.');
  if (ipcNames.has(dotted) || dotted.startsWith('fs.mqueue.')) {
    if (own.ipc) return;
    throw invalid(`sysctl "${name}" is not allowed in the hosts ipc namespace`);
  }
  if (dotted.startsWith('net.')) {
    if (own.network) return;
    throw invalid(`sysctl "${name}" not allowed in host network namespace`);
  }
  if (dotted === 'kernel.domainname') {
    if (own.uts) return;
    throw invalid(`sysctl "${name}" is not allowed in the hosts UTS namespace`);
  }
  if (dotted === 'kernel.hostname') {
    throw invalid(`sysctl "${name}" conflicts with the OCI field "hostname"`);
  }
  throw invalid(`sysctl "${name}" is not in a separate kernel namespace`);
}
