// The IpamDriver interface of a plugin, as a thing with methods.
import { failed } from '../../lib/errors.ts';
import { flagIn, textIn, textsIn } from '../../plugins/answers.ts';
import { type Answer, PluginRefusal } from '../../plugins/client.ts';
import type { Plugin } from '../../plugins/plugins.ts';
import { masked, type Prefix, parsePrefix } from '../addresses.ts';

const LIMIT_MS = 30_000;
const PATIENCE_MS = 5_000;
const GATEWAY = 'com.docker.network.gateway';

export interface LeasedPool {
  id: string;
  subnet: Prefix;
  /** An address that needs no asking for. */
  gateway: string | undefined;
}

export class AddressPlugin {
  constructor(
    private readonly plugin: Plugin,
    private readonly patienceMs = PATIENCE_MS,
  ) {}

  async capabilities(): Promise<{ needsMacAddress: boolean; needsReplay: boolean }> {
    try {
      const answer = await this.#call('GetCapabilities', {});
      return {
        needsMacAddress: flagIn(answer, 'RequiresMACAddress'),
        needsReplay: flagIn(answer, 'RequiresRequestReplay'),
      };
    } catch (error) {
      // Not every plugin has this method.
      if (error instanceof PluginRefusal) return { needsMacAddress: false, needsReplay: false };
      throw error;
    }
  }

  async addressSpace(): Promise<string> {
    return textIn(await this.#call('GetDefaultAddressSpaces', {}), 'LocalDefaultAddressSpace');
  }

  async requestPool(request: {
    AddressSpace: string;
    Pool: string;
    SubPool: string;
    Options: Readonly<Record<string, string>>;
    V6: boolean;
  }): Promise<LeasedPool> {
    const answer = await this.#call('RequestPool', request);
    const text = textIn(answer, 'Pool');
    const subnet = parsePrefix(text);
    if (!subnet || (subnet.family === 6) !== request.V6) {
      throw failed(`plugin ${this.plugin.name}: "${text}" is no IPv${request.V6 ? 6 : 4} subnet`);
    }
    const gateway = textsIn(answer, 'Data')[GATEWAY];
    if (gateway !== undefined && !parsePrefix(gateway)) {
      throw failed(`plugin ${this.plugin.name}: "${gateway}" is no gateway address with its prefix length`);
    }
    return { id: textIn(answer, 'PoolID'), subnet: masked(subnet), gateway };
  }

  async releasePool(id: string): Promise<void> {
    await this.#call('ReleasePool', { PoolID: id });
  }

  /** With its prefix length. An empty `wanted` leaves the choice to the plugin. */
  async requestAddress(pool: string, wanted: string, options: Readonly<Record<string, string>>): Promise<Prefix> {
    const answer = await this.#call('RequestAddress', { PoolID: pool, Address: wanted, Options: options });
    const text = textIn(answer, 'Address');
    const address = parsePrefix(text);
    if (!address) throw failed(`plugin ${this.plugin.name}: "${text}" is no address with its prefix length`);
    return address;
  }

  /** For the router of a subnet. */
  async requestGateway(pool: string, wanted: string): Promise<Prefix> {
    return this.requestAddress(pool, wanted, { RequestAddressType: GATEWAY });
  }

  async releaseAddress(pool: string, address: string): Promise<void> {
    await this.#call('ReleaseAddress', { PoolID: pool, Address: address });
  }

  #call(method: string, request: object): Promise<Answer> {
    return this.plugin.call(method, request, { limitMs: LIMIT_MS, patienceMs: this.patienceMs });
  }
}

/** An empty pool, of an address driver that has nothing to say about subnets. */
export const isEveryAddress = (prefix: Prefix) => prefix.bits === 0;
