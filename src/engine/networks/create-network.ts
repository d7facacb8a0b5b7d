// `network create`: checked whole, stored, and made; taken back if the making fails.
import { conflict, forbidden, invalid, messageOf, notBuilt, notFound } from '../../lib/errors.ts';
import { newNetworkId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import { driverNamed, isBuiltIn } from '../../network/drivers/drivers.ts';
import { INTERFACE_NAME_RULE, isInterfaceName } from '../../network/drivers/interface-name.ts';
import { booleanOption, OPTION } from '../../network/drivers/options.ts';
import type { NetworkCreateRequest } from '../../wire/types.ts';
import { type NetworkContext, publish } from './context.ts';
import { checkIpam, choosePools, hasGateway, needsChoice } from './network-ipam.ts';
import { usesPlugins } from './plugins/plugin-drivers.ts';
import { createPluginNetwork } from './plugins/plugin-networks.ts';
import type { NetworkRecord } from './record.ts';
import { isPredefined } from './register.ts';

export async function createNetwork(context: NetworkContext, request: NetworkCreateRequest): Promise<NetworkRecord> {
  const network = plannedNetwork(context, request);
  if (network.configOnly) {
    context.store.saveNetwork(network);
    publish(context, network, 'create');
    return network;
  }
  if (usesPlugins(network)) {
    await createPluginNetwork(context, network, request.Scope ?? '');
    publish(context, network, 'create');
    return network;
  }
  makeNetwork(context, network);
  try {
    await context.host.settled();
  } catch (error) {
    takeBack(context, network);
    throw error;
  }
  publish(context, network, 'create');
  return network;
}

/** Of one of our own drivers, which take no time. Its rules are still to settle. */
export function createBuiltInNetwork(context: NetworkContext, request: NetworkCreateRequest): NetworkRecord {
  const network = plannedNetwork(context, request);
  makeNetwork(context, network);
  publish(context, network, 'create');
  return network;
}

function makeNetwork(context: NetworkContext, network: NetworkRecord): void {
  const driver = driverNamed(network.driver);
  if (network.ipam.driver === 'null') throw invalid(`ipv${network.enableIPv4 ? 4 : 6} pool is empty`);
  const make = () => {
    network.ipam.pools = choosePools(context, network, family => driver.givesGateways && hasGateway(network, family));
    const others = [...context.store.networks];
    Object.assign(network, driver.plan(network, others));
    // First the record: a crash leaves nothing that nobody knows of.
    context.store.saveNetwork(network);
    try {
      context.host.ensure(network);
    } catch (error) {
      takeBack(context, network);
      throw error;
    }
  };
  if (needsChoice(network)) context.host.whileChoosing(make);
  else make();
}

function takeBack(context: NetworkContext, network: NetworkRecord): void {
  try {
    context.host.remove(network);
  } catch (error) {
    log.error('a failed network create left something behind', { network: network.name, error: messageOf(error) });
  }
  context.store.deleteNetwork(network.id);
  context.addresses.forget(network.id);
}

/** All that was asked for, with defaults filled in; its subnets are still those of the request. */
function plannedNetwork(context: NetworkContext, request: NetworkCreateRequest): NetworkRecord {
  const name = request.Name ?? '';
  if (isPredefined(name)) throw forbidden(`operation is not permitted on predefined ${name} network`);
  if (name.trim() === '') throw invalid('invalid name: name is empty');
  const driver = request.Driver || 'bridge';
  const options = driverOptions(context, driver, request);
  const enableIPv4 = request.EnableIPv4 ?? booleanDriverOption(options, OPTION.enableIPv4, true);
  const enableIPv6 = request.EnableIPv6 ?? booleanDriverOption(options, OPTION.enableIPv6, false);
  if (request.IPAM) checkIpam(request.IPAM.Config ?? [], enableIPv6);
  for (const other of context.store.allNetworks) {
    if (other.name === name) throw conflict(`network with name ${name} already exists`);
  }
  let network: NetworkRecord = {
    id: newNetworkId(),
    name,
    created: new Date().toISOString(),
    scope: 'local',
    driver: request.ConfigOnly ? 'null' : driver,
    enableIPv4,
    enableIPv6,
    internal: request.Internal ?? false,
    attachable: request.Attachable ?? false,
    ingress: request.Ingress ?? false,
    configOnly: request.ConfigOnly ?? false,
    configFrom: request.ConfigFrom?.Network ?? '',
    options,
    labels: request.Labels ?? {},
    ipam: {
      driver: request.IPAM?.Driver || 'default',
      options: request.IPAM?.Options ?? {},
      pools: (request.IPAM?.Config ?? []).map(pool => ({ ...pool })),
    },
    interfaceName: '',
    ownsInterface: false,
  };
  checkInterfacePrefix(options);
  checkConfigNetwork(network, request);
  checkDriver(network, driver, request.Scope ?? '');
  if (network.configFrom) network = withConfigOf(context, network);
  return network;
}

function driverOptions(context: NetworkContext, driver: string, request: NetworkCreateRequest): Record<string, string> {
  const defaults = request.ConfigFrom?.Network ? {} : (context.config.defaultNetworkOptions[driver] ?? {});
  const options = { ...defaults, ...request.Options };
  if (request.EnableIPv4 !== undefined) delete options[OPTION.enableIPv4];
  if (request.EnableIPv6 !== undefined) delete options[OPTION.enableIPv6];
  return options;
}

function booleanDriverOption(options: Readonly<Record<string, string>>, name: string, otherwise: boolean): boolean {
  try {
    return booleanOption(options, name, otherwise);
  } catch (error) {
    throw invalid(`driver-opt "${name}" is not a valid bool`, error);
  }
}

function checkInterfacePrefix({ [OPTION.interfacePrefix]: prefix = '' }: Record<string, string>): void {
  if (isInterfaceName(`${prefix}0`)) return;
  throw invalid(
    `invalid ${OPTION.interfacePrefix} "${prefix}": with a number behind it it is to be ${INTERFACE_NAME_RULE}`,
  );
}

function checkConfigNetwork(network: NetworkRecord, request: NetworkCreateRequest): void {
  if (network.configOnly) {
    if (network.ingress || network.internal || network.attachable || request.Scope) {
      throw forbidden(
        'configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.',
      );
    }
    if (network.configFrom) {
      throw forbidden('a configuration network cannot depend on another configuration network');
    }
  }
  if (!network.configFrom) return;
  const { ipam, labels, options } = network;
  const configured =
    ipam.driver !== 'default' ||
    ipam.pools.length > 0 ||
    Object.keys(ipam.options).length > 0 ||
    Object.keys(labels).length > 0 ||
    !network.enableIPv4 ||
    network.enableIPv6;
  if (configured) {
    throw forbidden(
      'user-specified configurations are not supported if the network depends on a configuration network',
    );
  }
  if (Object.keys(options).length > 0) {
    throw forbidden('network driver options are not supported if the network depends on a configuration network');
  }
}

function checkDriver(network: NetworkRecord, driver: string, scope: string): void {
  if (network.configOnly) return;
  if (driver === 'host' || driver === 'null') throw forbidden(`only one instance of "${driver}" network is allowed`);
  if (driver === 'overlay') throw notBuilt('the overlay driver needs a swarm, which is not built yet');
  // A plugin says for itself whether it can be that.
  if (network.ingress && isBuiltIn(driver)) throw forbidden('Ingress network can only be global scope network');
  if (scope === 'swarm') throw forbidden('cannot create a swarm scoped network when swarm is not active');
  if (scope !== '' && scope !== 'local' && scope !== 'global') throw invalid(`invalid network scope: ${scope}`);
}

function withConfigOf(context: NetworkContext, network: NetworkRecord): NetworkRecord {
  const config = [...context.store.networks].find(other => other.configOnly && other.name === network.configFrom);
  if (!config) throw notFound(`configuration network "${network.configFrom}" does not exist`);
  const { enableIPv4, enableIPv6, options, labels, ipam } = structuredClone(config);
  return { ...network, enableIPv4, enableIPv6, options, labels, ipam };
}
