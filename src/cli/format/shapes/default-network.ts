// Until API 1.52 a container's settings had the addresses of the default bridge network beside those of all networks, and
// many scripts ask for {{.NetworkSettings.IPAddress}}.
import { GoMap, type Value } from '../template/values.ts';

const fields = [
  'EndpointID',
  'Gateway',
  'GlobalIPv6Address',
  'GlobalIPv6PrefixLen',
  'IPAddress',
  'IPPrefixLen',
  'IPv6Gateway',
  'MacAddress',
];

const member = (value: Value, name: string): Value => (value instanceof GoMap ? value.entries.get(name) : undefined);

export function withDefaultNetwork(container: Value): Value {
  const settings = member(container, 'NetworkSettings');
  const bridge = member(member(settings, 'Networks'), 'bridge');
  if (!(container instanceof GoMap) || !(settings instanceof GoMap) || !(bridge instanceof GoMap)) return container;
  if (settings.entries.has('IPAddress')) return container;
  const added = fields.map(name => [name, bridge.entries.get(name)] as const);
  const completed = new GoMap(new Map([...settings.entries, ...added]));
  return new GoMap(new Map([...container.entries, ['NetworkSettings', completed]]));
}
