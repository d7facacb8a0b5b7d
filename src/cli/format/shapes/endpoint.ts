import { optional, pointerTo, stringMap, strings, struct } from './shape.ts';

export const endpointSettings = struct('network.EndpointSettings', {
  IPAMConfig: pointerTo(
    struct('network.EndpointIPAMConfig', {
      IPv4Address: optional('string'),
      IPv6Address: optional('string'),
      LinkLocalIPs: optional(strings),
    }),
  ),
  Links: strings,
  Aliases: strings,
  MacAddress: 'string',
  DriverOpts: stringMap,
  GwPriority: 'int',
  NetworkID: 'string',
  EndpointID: 'string',
  Gateway: 'string',
  IPAddress: 'string',
  IPPrefixLen: 'int',
  IPv6Gateway: 'string',
  GlobalIPv6Address: 'string',
  GlobalIPv6PrefixLen: 'int',
  DNSNames: strings,
});
