// The names of driver options are Docker's: they stand in compose files and scripts.
import { invalid } from '../../lib/errors.ts';
import { parseAddress } from '../addresses.ts';

export const OPTION = {
  bridgeName: 'com.docker.network.bridge.name',
  defaultBridge: 'com.docker.network.bridge.default_bridge',
  masquerade: 'com.docker.network.bridge.enable_ip_masquerade',
  icc: 'com.docker.network.bridge.enable_icc',
  gatewayMode4: 'com.docker.network.bridge.gateway_mode_ipv4',
  gatewayMode6: 'com.docker.network.bridge.gateway_mode_ipv6',
  inhibitIPv4: 'com.docker.network.bridge.inhibit_ipv4',
  hostBinding: 'com.docker.network.bridge.host_binding_ipv4',
  trustedInterfaces: 'com.docker.network.bridge.trusted_host_interfaces',
  mtu: 'com.docker.network.driver.mtu',
  enableIPv4: 'com.docker.network.enable_ipv4',
  enableIPv6: 'com.docker.network.enable_ipv6',
  hostIPv4: 'com.docker.network.host_ipv4',
  hostIPv6: 'com.docker.network.host_ipv6',
  interfacePrefix: 'com.docker.network.container_iface_prefix',
  endpointInterface: 'com.docker.network.endpoint.ifname',
  endpointSysctls: 'com.docker.network.endpoint.sysctls',
  parent: 'parent',
  macvlanMode: 'macvlan_mode',
  ipvlanMode: 'ipvlan_mode',
  ipvlanFlag: 'ipvlan_flag',
} as const;

type Options = Readonly<Record<string, string>>;

const unreadable = (name: string, value: string, why: string) =>
  invalid(`failed to parse ${name} value: ${value} (${why})`);

/** As Go reads a bool, since that is what people write. */
export function parseBoolean(text: string): boolean | undefined {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  return undefined;
}

export function booleanOption(options: Options, name: string, otherwise: boolean): boolean {
  const text = options[name];
  if (text === undefined) return otherwise;
  const value = parseBoolean(text);
  if (value === undefined) throw unreadable(name, text, `strconv.ParseBool: parsing "${text}": invalid syntax`);
  return value;
}

export function mtuOption(options: Options): number {
  const text = options[OPTION.mtu];
  if (text === undefined || text === '') return 0;
  if (!/^-?\d+$/.test(text)) {
    throw unreadable(OPTION.mtu, text, `strconv.Atoi: parsing "${text}": invalid syntax`);
  }
  if (Number(text) < 0) throw invalid(`invalid MTU number: ${text}`);
  return Number(text);
}

export function choiceOption<const Choice extends string>(
  options: Options,
  name: string,
  choices: readonly Choice[],
  otherwise: Choice,
  complain: (value: string) => Error,
): Choice {
  const text = options[name] || otherwise;
  const choice = choices.find(known => known === text);
  if (choice === undefined) throw complain(text);
  return choice;
}

export function addressOption(options: Options, name: string, family: 4 | 6): string | undefined {
  const text = options[name];
  if (text === undefined || text === '') return undefined;
  if (parseAddress(text)?.family !== family) throw unreadable(name, text, 'nil ip');
  return text;
}

export const gatewayModeError = (name: string) => (value: string) =>
  unreadable(name, value, `unknown gateway mode ${value}`);
