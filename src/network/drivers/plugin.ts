// Networks of plugins. The plugin makes the interface, on the host; it is moved into the container here, and back when the
// container leaves, so that the plugin finds it under the name that it gave it.
import { openSync } from 'node:fs';
import type { LinkChange } from '../../kernel/rtnetlink/link.ts';
import { message } from '../../kernel/rtnetlink/message.ts';
import type { Route } from '../../kernel/rtnetlink/route.ts';
import { failed } from '../../lib/errors.ts';
import { addressBytes, requireAddress, requirePrefix } from '../addresses.ts';
import type { SandboxNamespace } from '../sandbox.ts';
import type { EndpointSpec, NetworkDriver } from './driver.ts';
import { findLink, hostLinks, isGone, isThere } from './host-kernel.ts';
import { configureInterface } from './interface.ts';

let hostNamespace: number | undefined;

export const pluginDriver: NetworkDriver = {
  name: 'plugin',
  givesGateways: true,
  plan: () => ({ interfaceName: '', ownsInterface: false }),
  ensure: () => undefined,
  remove: () => undefined,
  hostInterfaceName: () => '',

  attach(_network, endpoint, sandbox): void {
    const { plugin } = endpoint;
    // An endpoint without an interface is the plugin's own business.
    if (!plugin?.sourceInterface) return;
    const link = findLink(plugin.sourceInterface);
    if (!link)
      throw failed(`the interface ${plugin.sourceInterface}, which the network's plugin named, does not exist`);
    const change: LinkChange = { name: endpoint.interfaceName, namespace: sandbox.descriptor };
    hostLinks().send(message.setLink(link.index, { up: false }), message.setLink(link.index, change));
    try {
      configure(endpoint, sandbox);
    } catch (error) {
      giveBack(endpoint, sandbox);
      throw error;
    }
  },

  async detach(endpoint, sandbox): Promise<void> {
    giveBack(endpoint, sandbox);
  },

  silence(_network, endpoint, _owner, sandbox): void {
    if (sandbox) giveBack(endpoint, sandbox);
  },

  defaultRoute(_network, endpoint, family) {
    const gateway = family === 4 ? endpoint.plugin?.gateway : endpoint.plugin?.gateway6;
    return gateway ? { gateway } : undefined;
  },

  firewall: () => undefined,
};

function configure(endpoint: EndpointSpec, sandbox: SandboxNamespace): void {
  const { macAddress } = endpoint;
  const { index } = sandbox.route.link(endpoint.interfaceName);
  if (macAddress) sandbox.route.send(message.setLink(index, { macAddress }));
  configureInterface(endpoint, sandbox);
  addRoutes(endpoint, sandbox);
}

function giveBack(endpoint: EndpointSpec, sandbox: SandboxNamespace): void {
  const { plugin, interfaceName } = endpoint;
  if (!plugin?.sourceInterface) return;
  hostNamespace ??= openSync('/proc/self/ns/net', 'r');
  const change: LinkChange = { name: plugin.sourceInterface, namespace: hostNamespace };
  try {
    const { index } = sandbox.route.link(interfaceName);
    sandbox.route.send(message.setLink(index, { up: false }), message.setLink(index, change));
  } catch (error) {
    // The plugin, or a container with the right to do so, may have deleted it already; and where another has its name on the
    // host by now, it goes with the namespace.
    if (!isGone(error) && !isThere(error)) throw error;
  }
}

function addRoutes({ plugin, interfaceName }: EndpointSpec, sandbox: SandboxNamespace): void {
  const { index } = sandbox.route.link(interfaceName);
  // Those that lead to the gateways of others come first.
  const routes = [...(plugin?.routes ?? [])].sort((a, b) => Number(!!a.gateway) - Number(!!b.gateway));
  for (const { destination, gateway } of routes) {
    const prefix = requirePrefix(destination);
    const route: Route = {
      destination: prefix.bits === 0 ? undefined : { bytes: addressBytes(prefix), bits: prefix.bits },
      gateway: gateway ? addressBytes(requireAddress(gateway)) : undefined,
      link: index,
    };
    sandbox.route.send(message.addRoute(prefix.family, route));
  }
}
