// Containers with a hardware address of their own on the network of one of the host's interfaces.
import { MACVLAN_MODES } from '../../kernel/rtnetlink/link.ts';
import { message } from '../../kernel/rtnetlink/message.ts';
import { failed } from '../../lib/errors.ts';
import type { NetworkDriver, NetworkInterface, NetworkSpec } from './driver.ts';
import { configureNewInterface } from './interface.ts';
import { choiceOption, mtuOption, OPTION } from './options.ts';
import { ensureParent, linkToParent, planParent, removeParent } from './parent-link.ts';
import { switchOff, takeAway } from './take-away.ts';

const MODES = Object.keys(MACVLAN_MODES) as (keyof typeof MACVLAN_MODES)[];

function modeOf(network: Pick<NetworkSpec, 'options'>): keyof typeof MACVLAN_MODES {
  return choiceOption(network.options, OPTION.macvlanMode, MODES, 'bridge', value =>
    failed(`requested macvlan mode '${value}' is not valid, 'bridge' mode is the macvlan driver default`),
  );
}

export const macvlan: NetworkDriver = {
  name: 'macvlan',
  givesGateways: false,

  plan(network, others): NetworkInterface {
    mtuOption(network.options);
    const mode = modeOf(network);
    const found = planParent(network, 'macvlan', others);
    for (const other of others) {
      if (other.driver !== 'macvlan' || other.interfaceName !== found.interfaceName) continue;
      if (mode === 'passthru') {
        throw failed(
          `cannot use mode passthru, macvlan network ${other.id} is already using parent interface ${found.interfaceName}`,
        );
      }
      if (other.options[OPTION.macvlanMode] === 'passthru') {
        throw failed(
          `macvlan network ${other.id} is already using parent interface ${found.interfaceName} in mode passthru`,
        );
      }
    }
    return found;
  },

  ensure: ensureParent,
  remove: removeParent,
  hostInterfaceName: () => '',

  attach(network, endpoint, sandbox): void {
    linkToParent(network, parent =>
      message.newLink({
        kind: 'macvlan',
        name: endpoint.interfaceName,
        parent,
        mode: modeOf(network),
        macAddress: endpoint.macAddress,
        mtu: mtuOption(network.options),
        namespace: sandbox.descriptor,
      }),
    );
    configureNewInterface(endpoint, sandbox);
  },

  detach: takeAway,
  silence(_network, endpoint, _owner, sandbox): void {
    switchOff(endpoint, sandbox);
  },

  defaultRoute(network, endpoint, family) {
    const parent = network.options[OPTION.parent] ?? '';
    if (network.internal || parent === '') return undefined;
    const gateway = family === 4 ? endpoint.ipv4?.gateway : endpoint.ipv6?.gateway;
    return gateway ? { gateway } : undefined;
  },

  firewall: () => undefined,
};
