import { mapOf, optional, renamed, type Shape, sliceOf, stringMap, strings, struct } from './shape.ts';

const ipam = struct('network.IPAM', {
  Driver: 'string',
  Options: stringMap,
  Config: sliceOf(
    struct('network.IPAMConfig', {
      Subnet: optional('string'),
      IPRange: optional('string'),
      Gateway: optional('string'),
      AuxAddress: optional(stringMap, 'AuxiliaryAddresses'),
    }),
  ),
});

const task = struct('network.Task', {
  Name: 'string',
  EndpointID: 'string',
  EndpointIP: 'string',
  Info: stringMap,
});

export const network: Shape = struct('network.Inspect', {
  Name: 'string',
  ID: renamed('string', 'Id'),
  Created: 'time',
  Scope: 'string',
  Driver: 'string',
  EnableIPv4: 'bool',
  EnableIPv6: 'bool',
  IPAM: ipam,
  Internal: 'bool',
  Attachable: 'bool',
  Ingress: 'bool',
  ConfigFrom: struct('network.ConfigReference', { Network: 'string' }),
  ConfigOnly: 'bool',
  Containers: mapOf(
    struct('network.EndpointResource', {
      Name: 'string',
      EndpointID: 'string',
      MacAddress: 'string',
      IPv4Address: 'string',
      IPv6Address: 'string',
    }),
  ),
  Options: stringMap,
  Labels: stringMap,
  Peers: optional(sliceOf(struct('network.PeerInfo', { Name: 'string', IP: 'string' }))),
  Services: optional(
    mapOf(struct('network.ServiceInfo', { VIP: 'string', Ports: strings, LocalLBIndex: 'int', Tasks: sliceOf(task) })),
  ),
});
