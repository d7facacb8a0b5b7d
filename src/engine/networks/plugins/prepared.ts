// What a container with networks of plugins has before its start begins: a namespace, which the plugins are told of, and what
// they gave for its endpoints.
import { newNetworkId } from '../../../lib/ids.ts';
import type { SandboxNamespace } from '../../../network/sandbox.ts';
import type { NetworkContext } from '../context.ts';
import { linkNamespace, namespacePath, unlinkNamespace } from '../namespace-link.ts';
import type { SandboxRecord } from '../record.ts';
import { resolveEndpoints } from '../sandbox-start.ts';
import { usesPlugins } from './plugin-drivers.ts';
import { type Grants, requestEndpoints } from './plugin-endpoints.ts';

export interface PreparedSandbox {
  readonly id: string;
  readonly namespace: SandboxNamespace;
  readonly grants: Grants;
}

export async function prepareSandbox(context: NetworkContext, sandbox: SandboxRecord): Promise<PreparedSandbox> {
  const endpoints = resolveEndpoints(context, sandbox);
  const id = newNetworkId();
  const namespace = context.namespacePool.take();
  try {
    linkNamespace(context, id, namespace);
    const grants = await requestEndpoints(context, sandbox, endpoints, namespacePath(context, id));
    return { id, namespace, grants };
  } catch (error) {
    discard(context, { id, namespace });
    throw error;
  }
}

export const needsPreparation = (context: NetworkContext, sandbox: SandboxRecord): boolean =>
  [...context.store.networks].some(usesPlugins) &&
  resolveEndpoints(context, sandbox).some(([, network]) => usesPlugins(network));

/** The start failed. */
export function discard(context: NetworkContext, prepared: Pick<PreparedSandbox, 'id' | 'namespace'>): void {
  unlinkNamespace(context, prepared.id);
  prepared.namespace[Symbol.dispose]();
}
