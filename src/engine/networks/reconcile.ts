// The engine starts: the kernel is made to agree with the records.
import { readdirSync, rmSync } from 'node:fs';
import { message } from '../../kernel/rtnetlink.ts';
import { errnoOf, messageOf } from '../../lib/errors.ts';
import type { ContainerId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { hostLinks, isGone } from '../../network/drivers/host-kernel.ts';
import { SandboxNamespace } from '../../network/sandbox.ts';
import type { NetworkContext } from './context.ts';
import { activeEndpoints } from './gateway.ts';
import { linkRules } from './links.ts';
import { needsNames, openNameServer } from './names.ts';
import { hasHelper } from './proxies.ts';
import { proxyPorts } from './published.ts';
import type { NetworkRecord, PublishedPort, SandboxRecord } from './record.ts';
import { linkNamespace, portsOf, stopSandbox } from './sandbox-lifecycle.ts';

export function reconcileNetworks(context: NetworkContext, running: ReadonlySet<ContainerId>): void {
  const alive: SandboxRecord[] = [];
  clearNamespaceLinks(context);
  for (const sandbox of [...context.store.sandboxes]) {
    if (!sandbox.live) continue;
    if (running.has(sandbox.container)) alive.push(sandbox);
    else stopSandbox(context, sandbox);
  }
  const networks = networksToRestore(context, alive);
  if (networks.length === 0) return;
  context.host.restore(
    networks,
    alive.flatMap(sandbox => portsOf(context, sandbox)),
    alive.flatMap(sandbox => linkRules(context, sandbox)),
  );
  removeStrayLinks(context, networks, alive);
  for (const sandbox of alive) adopt(context, sandbox);
}

/** The default bridge waits for its first container, as ever. */
function networksToRestore(context: NetworkContext, alive: readonly SandboxRecord[]): NetworkRecord[] {
  const used = new Set(alive.flatMap(sandbox => activeEndpoints(context, sandbox).map(({ network }) => network.id)));
  return [...context.store.networks].filter(network => {
    if (network.driver === 'null' || network.driver === 'host' || network.configOnly) return false;
    return !context.defaultBridge.is(network) || used.has(network.id);
  });
}

/** Interfaces on our bridges that no record names: of containers that a crash cut short. */
function removeStrayLinks(
  context: NetworkContext,
  networks: readonly NetworkRecord[],
  alive: readonly SandboxRecord[],
): void {
  const named = new Set(
    alive.flatMap(sandbox => activeEndpoints(context, sandbox).map(({ live }) => live.hostInterface)),
  );
  const links = hostLinks().links();
  const bridges = new Set(
    networks
      .filter(network => network.driver === 'bridge' && network.ownsInterface)
      .map(network => network.interfaceName),
  );
  const indexes = new Set(links.filter(link => bridges.has(link.name)).map(link => link.index));
  for (const link of links) {
    if (link.kind !== 'veth' || !indexes.has(link.master) || named.has(link.name)) continue;
    try {
      hostLinks().send(message.deleteLink(link.index));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

function adopt(context: NetworkContext, sandbox: SandboxRecord): void {
  if (sandbox.live?.kind !== 'own') return;
  const pid = context.users.pid(sandbox.container);
  for (const port of portsOf(context, sandbox)) {
    // A helper that carries connections for the port holds it too.
    if (port.hostPort > 0 && !hasHelper(port)) holdAgain(context, sandbox, port);
  }
  proxyPorts(context, sandbox);
  if (pid === undefined) return;
  try {
    const namespace = SandboxNamespace.open(`/proc/${pid}/ns/net`);
    context.namespaces.set(sandbox.container, namespace);
    linkNamespace(context, sandbox, namespace);
    if (needsNames(context, sandbox)) openNameServer(context, sandbox, namespace, { again: true });
  } catch (error) {
    // It ended a moment ago: its exit is still to be settled.
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ESRCH') throw error;
  }
}

function holdAgain(context: NetworkContext, sandbox: SandboxRecord, port: PublishedPort): void {
  const { protocol, hostAddress, hostPort } = port;
  try {
    context.ports.holdAgain({ protocol, hostAddress, port: hostPort });
  } catch (error) {
    // Packets go to the container all the same; only the port looks free to others.
    log.warn('could not hold a published port again', { container: sandbox.container, error: messageOf(error) });
  }
}

/** They lead to descriptors of a process that is gone. */
function clearNamespaceLinks(context: NetworkContext): void {
  try {
    for (const name of readdirSync(context.namespaceDirectory))
      rmSync(`${context.namespaceDirectory}/${name}`, { force: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
