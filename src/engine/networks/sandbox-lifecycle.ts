// Start and stop of a container's sandbox: what is reserved, what is stored, what the kernel is told, in this order; and back.
import { newNetworkId } from '../../lib/ids.ts';
import type { SandboxNamespace } from '../../network/sandbox.ts';
import { type NetworkContext, publish } from './context.ts';
import { activeEndpoints, endpointSpec, setDefaultRoutes, waysOf } from './gateway.ts';
import { forgetGatewayService, reserveGatewayService } from './gateway-service.ts';
import { checkLinks, linkRulesAround } from './links.ts';
import { closeNameServer, needsNames, openNameServer } from './names.ts';
import { linkNamespace, unlinkNamespace } from './namespace-link.ts';
import type { PreparedSandbox } from './plugins/prepared.ts';
import { proxyPorts, publishPorts, releasePorts } from './published.ts';
import type { SandboxRecord } from './record.ts';
import { attachEndpoint, releaseEndpoint, reserveEndpoint, resolveEndpoints } from './sandbox-start.ts';
import { sendersOf } from './senders.ts';

/** The container has a namespace with all that it is to have. `prepared` is what plugins gave for it. */
export function startSandbox(
  context: NetworkContext,
  sandbox: SandboxRecord,
  prepared: PreparedSandbox | undefined,
): SandboxNamespace {
  const endpoints = resolveEndpoints(context, sandbox);
  const id = prepared?.id ?? newNetworkId();
  try {
    for (const [endpoint, network] of endpoints) {
      if (network.driver === 'null') endpoint.live = placeholder();
      else reserveEndpoint(context, sandbox, endpoint, network, prepared?.grants);
    }
    const service = reserveGatewayService(context, sandbox, id);
    if (service) endpoints.push(service);
    checkLinks(context, sandbox);
    publishPorts(context, sandbox);
  } catch (error) {
    giveBack(context, sandbox);
    throw error;
  }
  sandbox.live = { id, kind: 'own', ways: waysOf(context, sandbox) };
  // Stored before the kernel has any of it: after a crash, what the kernel has is what some record names.
  context.store.saveSandbox(sandbox);
  try {
    const namespace = prepared?.namespace ?? context.namespacePool.take();
    context.namespaces.set(sandbox.container, namespace);
    for (const [endpoint, network] of endpoints) {
      if (network.driver !== 'null') attachEndpoint(context, endpoint, network, namespace);
    }
    // Plugins may leave the hardware address to the interface.
    if (prepared) context.store.saveSandbox(sandbox);
    context.host.setSenders(sandbox.container, sendersOf(context, sandbox));
    setDefaultRoutes(context, sandbox, namespace);
    namespace.rest();
    context.host.addPorts(portsOf(context, sandbox));
    proxyPorts(context, sandbox);
    context.host.addLinks(linkRulesAround(context, sandbox));
    linkNamespace(context, sandbox.live.id, namespace);
    if (needsNames(context, sandbox)) openNameServer(context, sandbox, namespace);
    return namespace;
  } catch (error) {
    stopSandbox(context, sandbox);
    throw error;
  }
}

/** Nothing of the container is heard on its networks any more, and what it held is free. Idempotent. */
export function stopSandbox(context: NetworkContext, sandbox: SandboxRecord): void {
  if (!sandbox.live) return;
  const active = activeEndpoints(context, sandbox);
  context.host.removeLinks(linkRulesAround(context, sandbox));
  context.host.removePorts(portsOf(context, sandbox));
  context.host.setSenders(sandbox.container, []);
  const namespace = context.namespaces.get(sandbox.container);
  for (const { network, endpoint, live } of active) {
    context.host.silence(network, endpointSpec({ endpoint, live }), namespace);
  }
  closeNameServer(context, sandbox.container);
  // With the last descriptor and the last process, the kernel takes down the rest on its own.
  namespace?.[Symbol.dispose]();
  context.namespaces.delete(sandbox.container);
  unlinkNamespace(context, sandbox.live.id);
  giveBack(context, sandbox);
  sandbox.live = undefined;
  context.store.saveSandbox(sandbox);
  for (const { network, endpoint } of active) {
    if (!endpoint.gatewayService) publish(context, network, 'disconnect', { container: sandbox.container });
  }
}

function giveBack(context: NetworkContext, sandbox: SandboxRecord): void {
  for (const endpoint of Object.values(sandbox.endpoints)) {
    releasePorts(context, endpoint.live?.ports ?? []);
    releaseEndpoint(context, endpoint);
  }
  forgetGatewayService(sandbox);
}

export const portsOf = (context: NetworkContext, sandbox: SandboxRecord) =>
  activeEndpoints(context, sandbox).flatMap(({ live }) => live.ports);

/** On networks that are nothing but a name. */
export function placeholder() {
  return {
    id: newNetworkId(),
    interfaceName: '',
    hostInterface: '',
    macAddress: '',
    ipv4: undefined,
    ipv6: undefined,
    dnsNames: [],
    ports: [],
  };
}
