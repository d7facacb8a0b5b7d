// Where tools like nsenter look for the namespace of a container.
import { mkdirSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { errnoOf } from '../../lib/errors.ts';
import type { SandboxNamespace } from '../../network/sandbox.ts';
import type { NetworkContext } from './context.ts';
import type { SandboxRecord } from './record.ts';

export const namespacePath = (context: NetworkContext, sandboxId: string) =>
  `${context.namespaceDirectory}/${sandboxId.slice(0, 12)}`;

export function namespaceLink(context: NetworkContext, { live }: SandboxRecord): string {
  return live?.kind === 'host' ? `${context.namespaceDirectory}/default` : namespacePath(context, live?.id ?? '');
}

export function linkNamespace(context: NetworkContext, sandboxId: string, namespace: SandboxNamespace): void {
  const link = namespacePath(context, sandboxId);
  try {
    symlinkSync(namespace.path, link);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') {
      unlinkSync(link);
      symlinkSync(namespace.path, link);
      return;
    }
    if (errnoOf(error) !== 'ENOENT') throw error;
    mkdirSync(context.namespaceDirectory, { recursive: true, mode: 0o755 });
    symlinkSync(namespace.path, link);
  }
}

export function unlinkNamespace(context: NetworkContext, sandboxId: string): void {
  rmSync(namespacePath(context, sandboxId), { force: true });
}
