// The plugins of a network, if it has any.
import { isBuiltIn } from '../../../network/drivers/drivers.ts';
import { AddressPlugin } from '../../../network/plugin/address-driver.ts';
import { NetworkPlugin } from '../../../network/plugin/network-driver.ts';
import type { NetworkContext } from '../context.ts';
import type { NetworkRecord } from '../record.ts';

type Kind = Pick<NetworkRecord, 'driver'> & { ipam: { driver: string } };

export const isPluginDriven = (network: Pick<NetworkRecord, 'driver'>) => !isBuiltIn(network.driver);
export const hasPluginAddresses = (network: Kind) =>
  network.ipam.driver !== 'default' && network.ipam.driver !== 'null';
export const usesPlugins = (network: Kind) => isPluginDriven(network) || hasPluginAddresses(network);

export interface NetworkPlugins {
  network: NetworkPlugin | undefined;
  addresses: AddressPlugin | undefined;
}

/** `patienceMs`: for plugins that are being started at this moment. */
export async function pluginsOf(
  context: NetworkContext,
  network: Kind,
  { patienceMs }: { patienceMs: number },
): Promise<NetworkPlugins> {
  const { driver, ipam } = network;
  return {
    network: isPluginDriven(network)
      ? new NetworkPlugin(await context.plugins.get(driver, 'NetworkDriver', { patienceMs }))
      : undefined,
    addresses: hasPluginAddresses(network)
      ? new AddressPlugin(await context.plugins.get(ipam.driver, 'IpamDriver', { patienceMs }))
      : undefined,
  };
}
