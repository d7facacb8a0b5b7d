import { create } from '../../../client/networks.ts';
import { compareVersions } from '../../../client/version.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { splitPair } from '../../framework/flag-types.ts';
import { isGiven } from '../../framework/flags.ts';
import { labelFlag } from '../../options/labels.ts';
import { subnetConfigs } from './subnets.ts';

export const command = defineCommand({
  usage: '[OPTIONS] NETWORK',
  summary: 'Make a network',
  arguments: exactly(1),
  flags: {
    attachable: { type: 'bool', summary: 'Let containers join a network of a swarm by hand' },
    'aux-address': { type: 'map', summary: 'Addresses that are taken already, as name=address' },
    'config-from': { type: 'string', summary: 'Network to take the settings from' },
    'config-only': { type: 'bool', summary: 'Make settings for other networks, not a network' },
    driver: { type: 'string', short: 'd', default: 'bridge', summary: 'Driver of the network' },
    gateway: { type: 'ipSlice', summary: 'Gateway of a subnet' },
    ingress: { type: 'bool', summary: "Make a swarm's routing mesh" },
    internal: { type: 'bool', summary: 'Let nobody out of it, and nobody in' },
    'ip-range': { type: 'ipNetSlice', summary: 'Part of a subnet that containers get their addresses from' },
    'ipam-driver': { type: 'string', default: 'default', summary: 'Driver that manages the addresses' },
    'ipam-opt': { type: 'map', summary: "Options of the addresses' driver, as name=value" },
    ipv4: { type: 'bool', default: true, summary: 'Give containers IPv4 addresses' },
    ipv6: { type: 'bool', summary: 'Give containers IPv6 addresses' },
    label: labelFlag('Label of the network, as name=value'),
    opt: { type: 'map', short: 'o', summary: 'Options of the driver, as name=value' },
    scope: { type: 'string', summary: 'How far the network reaches: local, swarm' },
    subnet: { type: 'stringSlice', summary: 'Subnet, such as 172.28.0.0/16' },
  },
  async run(cli, flags, [name]) {
    const configs = subnetConfigs({
      subnets: flags.subnet,
      ranges: flags['ip-range'],
      gateways: flags.gateway,
      auxiliary: flags['aux-address'],
    });
    const client = await cli.client();
    const isOld = compareVersions(await client.negotiate(), '1.44') < 0;
    const network = await create(client, {
      Name: name!,
      // Engines before API 1.44 make a second network of the same name unless they are told not to.
      ...(isOld && { CheckDuplicate: true }),
      Driver: flags.driver,
      Scope: flags.scope,
      ...(isGiven(flags, 'ipv4') && { EnableIPv4: flags.ipv4 }),
      ...(isGiven(flags, 'ipv6') && { EnableIPv6: flags.ipv6 }),
      IPAM: { Driver: flags['ipam-driver'], Config: configs, Options: flags['ipam-opt'] },
      Internal: flags.internal,
      Attachable: flags.attachable,
      Ingress: flags.ingress,
      ConfigOnly: flags['config-only'],
      ...(flags['config-from'] !== '' && { ConfigFrom: { Network: flags['config-from'] } }),
      Options: flags.opt,
      Labels: Object.fromEntries(flags.label.map(label => splitPair(label))),
    });
    cli.out.line(network.Id);
  },
});
