// Which namespaces a container has of its own, shares with another container, or takes from the host.
import { conflict, invalid, notFound } from '../../lib/errors.ts';
import type { NamespaceChoice, Namespaces } from '../../runtime/oci/spec.ts';
import type { Sandbox } from '../networks/networks.ts';
import type { ContainerContext } from './context.ts';
import type { ContainerRecord } from './record.ts';

export function namespacesOf(context: ContainerContext, record: ContainerRecord, sandbox: Sandbox): Namespaces {
  const { hostConfig } = record;
  return {
    network: sandbox.namespace,
    pid: choose(context, hostConfig.PidMode, 'pid'),
    ipc: choose(context, hostConfig.IpcMode, 'ipc'),
    uts: choose(context, hostConfig.UTSMode, 'uts'),
    cgroup: hostConfig.CgroupnsMode === 'host' ? { kind: 'host' } : { kind: 'new' },
    user: { kind: 'host' },
  };
}

function choose(context: ContainerContext, mode: string | undefined, type: 'pid' | 'ipc' | 'uts'): NamespaceChoice {
  if (mode === 'host') return { kind: 'host' };
  if (!mode?.startsWith('container:')) return { kind: 'new' };
  const reference = mode.slice('container:'.length);
  const other = context.store.find(reference);
  if (!other) throw notFound(`No such container: ${reference}`);
  if (other.phase.kind !== 'running') {
    throw conflict(`cannot join the ${type} namespace of a non running container: ${other.id}`);
  }
  if (type === 'ipc' && !['shareable', 'host', ''].includes(other.hostConfig.IpcMode ?? '')) {
    throw invalid(
      `cannot join IPC of container ${other.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
  }
  return { kind: 'path', path: `/proc/${other.phase.pid}/ns/${type}` };
}
