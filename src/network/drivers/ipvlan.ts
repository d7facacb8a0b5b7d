// Containers that share the hardware address of one of the host's interfaces.
import { IPVLAN_FLAGS, IPVLAN_MODES } from '../../kernel/rtnetlink/link.ts';
import { message } from '../../kernel/rtnetlink/message.ts';
import { failed } from '../../lib/errors.ts';
import type { NetworkDriver, NetworkInterface, NetworkSpec } from './driver.ts';
import { configureNewInterface } from './interface.ts';
import { choiceOption, mtuOption, OPTION } from './options.ts';
import { ensureParent, linkToParent, planParent, removeParent } from './parent-link.ts';
import { switchOff, takeAway } from './take-away.ts';

const MODES = Object.keys(IPVLAN_MODES) as (keyof typeof IPVLAN_MODES)[];
const FLAGS = Object.keys(IPVLAN_FLAGS) as (keyof typeof IPVLAN_FLAGS)[];

const modeOf = (network: Pick<NetworkSpec, 'options'>) =>
  choiceOption(network.options, OPTION.ipvlanMode, MODES, 'l2', value =>
    failed(`requested ipvlan mode '${value}' is not valid, 'l2' mode is the ipvlan driver default`),
  );

const flagOf = (network: Pick<NetworkSpec, 'options'>) =>
  choiceOption(network.options, OPTION.ipvlanFlag, FLAGS, 'bridge', value =>
    failed(`requested ipvlan flag '${value}' is not valid, 'bridge' is the ipvlan driver default`),
  );

export const ipvlan: NetworkDriver = {
  name: 'ipvlan',
  givesGateways: false,
  sharesMacAddress: true,

  plan(network, others): NetworkInterface {
    mtuOption(network.options);
    modeOf(network);
    flagOf(network);
    const found = planParent(network, 'ipvlan', others);
    // One of macvlan may have it too: they exclude each other only while containers are on them.
    const rival = others.find(other => other.driver === 'ipvlan' && other.interfaceName === found.interfaceName);
    if (rival) throw failed(`network ${rival.name} is already using parent interface ${found.interfaceName}`);
    return found;
  },

  ensure: ensureParent,
  remove: removeParent,
  hostInterfaceName: () => '',

  attach(network, endpoint, sandbox): void {
    linkToParent(network, parent =>
      message.newLink({
        kind: 'ipvlan',
        name: endpoint.interfaceName,
        parent,
        mode: modeOf(network),
        flag: flagOf(network),
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
    const address = family === 4 ? endpoint.ipv4 : endpoint.ipv6;
    // In the l3 modes the host routes for the container, which needs no neighbour to send to.
    if (modeOf(network) !== 'l2') return address ? 'link' : undefined;
    return address?.gateway ? { gateway: address.gateway } : undefined;
  },

  firewall: () => undefined,
};
