// Who has which name on which network, and which address belongs to whom. Made from the records when it is asked after a
// change; a lookup is one step, however many containers there are.
import type { ContainerId, NetworkId } from '../../lib/ids.ts';
import { formatAddress, parseAddress } from '../../network/addresses.ts';
import type { LiveEndpoint } from './record.ts';
import type { NetworkStore } from './store.ts';

interface NamesOfNetwork {
  endpoints: Map<string, LiveEndpoint[]>;
  /** The first name of whoever has the address. */
  owners: Map<string, string>;
}

export class NameIndex {
  #networks: Map<NetworkId, NamesOfNetwork> | undefined;

  constructor(private readonly store: NetworkStore) {}

  /** Some endpoint came, went or got another name. */
  changed(): void {
    this.#networks = undefined;
  }

  find(network: NetworkId, name: string): readonly LiveEndpoint[] {
    return this.#index.get(network)?.endpoints.get(name) ?? [];
  }

  owner(network: NetworkId, address: string): string | undefined {
    const parsed = parseAddress(address);
    return parsed && this.#index.get(network)?.owners.get(formatAddress(parsed));
  }

  /** For links, which name a container and not a network's name. */
  ofContainer(network: NetworkId, container: ContainerId): LiveEndpoint | undefined {
    for (const endpoint of Object.values(this.store.sandbox(container)?.endpoints ?? {})) {
      if (endpoint.network === network && endpoint.live) return endpoint.live;
    }
    return undefined;
  }

  get #index(): Map<NetworkId, NamesOfNetwork> {
    this.#networks ??= this.#build();
    return this.#networks;
  }

  #build(): Map<NetworkId, NamesOfNetwork> {
    const networks = new Map<NetworkId, NamesOfNetwork>();
    for (const sandbox of this.store.sandboxes) {
      if (!sandbox.live) continue;
      for (const { network, live } of Object.values(sandbox.endpoints)) {
        if (!network || !live || live.dnsNames.length === 0) continue;
        let names = networks.get(network);
        if (!names) {
          names = { endpoints: new Map(), owners: new Map() };
          networks.set(network, names);
        }
        addEndpoint(names, live);
      }
    }
    return networks;
  }
}

function addEndpoint(names: NamesOfNetwork, live: LiveEndpoint): void {
  for (const name of live.dnsNames) {
    const key = name.toLowerCase();
    const known = names.endpoints.get(key);
    if (known) known.push(live);
    else names.endpoints.set(key, [live]);
  }
  for (const address of [live.ipv4, live.ipv6]) if (address) names.owners.set(address.address, live.dnsNames[0]!);
}
