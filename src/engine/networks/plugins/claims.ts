// What plugins hold for containers: endpoints and addresses. A claim is stored before the plugin is asked, so that whatever
// happens, each is given back once no endpoint needs it: now, or when its plugin can be reached again.
import { AgainLater } from '../../../lib/again-later.ts';
import { isKind, messageOf } from '../../../lib/errors.ts';
import type { ContainerId, NetworkId } from '../../../lib/ids.ts';
import { log } from '../../../lib/logger.ts';
import { AddressPlugin } from '../../../network/plugin/address-driver.ts';
import { NetworkPlugin } from '../../../network/plugin/network-driver.ts';
import type { Plugins } from '../../../plugins/plugins.ts';
import type { StateDatabase } from '../../state/database.ts';

/** Who waits for the end of a container is not to wait for a plugin that hangs. */
const WAIT_FOR_RELEASE_MS = 5_000;

export interface Claim {
  /** The endpoint's id. */
  endpoint: string;
  container: ContainerId;
  network: NetworkId;
  /** Undefined where the network's driver is no plugin. */
  networkPlugin: string | undefined;
  addressPlugin: string | undefined;
  /** How far it came. */
  addresses: { pool: string; address: string }[];
  created: boolean;
  joined: boolean;
  isGateway: boolean;
}

export class Claims implements Disposable {
  readonly #claims = new Map<string, Claim>();
  readonly #pending = new Set<string>();
  readonly #releases = new Map<string, Promise<void>>();
  readonly #later = new AgainLater(() => void this.settle());

  constructor(
    private readonly database: StateDatabase,
    private readonly plugins: Plugins,
    /** Some running container has this endpoint. */
    private readonly isNeeded: (claim: Claim) => boolean,
  ) {
    for (const { record } of database.query<{ record: string }, []>('SELECT record FROM plugin_claims').all()) {
      const claim = JSON.parse(record) as Claim;
      this.#claims.set(claim.endpoint, claim);
    }
  }

  of(endpoint: string): Claim | undefined {
    return this.#claims.get(endpoint);
  }

  /** Of containers that run. */
  needed(network: NetworkId): Claim[] {
    return this.#ofNetwork(network).filter(this.isNeeded);
  }

  /** From now to the end of the scope it counts as needed; after that, only if an endpoint needs it. */
  begin(claim: Claim): Disposable {
    this.#pending.add(claim.endpoint);
    this.save(claim);
    return { [Symbol.dispose]: () => this.#pending.delete(claim.endpoint) };
  }

  save(claim: Claim): void {
    this.database
      .query('INSERT OR REPLACE INTO plugin_claims (endpoint, record) VALUES (?, ?)')
      .run(claim.endpoint, JSON.stringify(claim));
    this.#claims.set(claim.endpoint, claim);
  }

  /** Somebody is about to use the network, though no endpoint shows it yet. */
  isPending(network: NetworkId): boolean {
    return this.#ofNetwork(network).some(claim => this.#pending.has(claim.endpoint));
  }

  /** Gives back what is not needed any more. Never throws; what a plugin does not take back now, it is told again later. */
  async settle(which: { container?: ContainerId; network?: NetworkId } = {}): Promise<void> {
    const owed = this.#owed().filter(
      claim =>
        (which.container === undefined || claim.container === which.container) &&
        (which.network === undefined || claim.network === which.network),
    );
    // For one that is under way somebody has waited already: its plugin is slow, and each further step must not be.
    const waited = which.network ? owed : owed.filter(({ endpoint }) => !this.#releases.has(endpoint));
    if (waited.length === 0) return;
    await Promise.race([Promise.all(waited.map(claim => this.#release(claim))), Bun.sleep(WAIT_FOR_RELEASE_MS)]);
  }

  /** The plugin of the network is gone for good. */
  drop(network: NetworkId): void {
    for (const claim of this.#ofNetwork(network)) this.#delete(claim);
  }

  [Symbol.dispose](): void {
    this.#later[Symbol.dispose]();
  }

  #ofNetwork(network: NetworkId): Claim[] {
    return [...this.#claims.values()].filter(claim => claim.network === network);
  }

  #owed(): Claim[] {
    return [...this.#claims.values()].filter(claim => !this.#pending.has(claim.endpoint) && !this.isNeeded(claim));
  }

  #release(claim: Claim): Promise<void> {
    const underWay = this.#releases.get(claim.endpoint);
    if (underWay) return underWay;
    const release = this.#tryRelease(claim).finally(() => this.#releases.delete(claim.endpoint));
    this.#releases.set(claim.endpoint, release);
    return release;
  }

  async #tryRelease(claim: Claim): Promise<void> {
    try {
      await this.#giveBack(claim);
      if (!this.#later.closed) this.#delete(claim);
      this.#later.succeeded();
    } catch (error) {
      log.warn('a plugin could not be told that a container has left its network; it will be told later', {
        container: claim.container,
        network: claim.network,
        error: messageOf(error),
      });
      this.#later.postpone();
    }
  }

  async #giveBack(claim: Claim): Promise<void> {
    const { network, endpoint, networkPlugin, addressPlugin, addresses } = claim;
    if (networkPlugin && claim.created) {
      const plugin = new NetworkPlugin(await this.plugins.get(networkPlugin, 'NetworkDriver', { patienceMs: 0 }), 0);
      if (claim.isGateway) await tolerated(claim, plugin.revokeExternal(network, endpoint));
      if (claim.joined) await tolerated(claim, plugin.leave(network, endpoint));
      await tolerated(claim, plugin.deleteEndpoint(network, endpoint));
      Object.assign(claim, { created: false, joined: false, isGateway: false });
      if (!this.#later.closed) this.save(claim);
    }
    if (!addressPlugin || addresses.length === 0) return;
    const plugin = new AddressPlugin(await this.plugins.get(addressPlugin, 'IpamDriver', { patienceMs: 0 }), 0);
    for (const { pool, address } of addresses) await tolerated(claim, plugin.releaseAddress(pool, address));
  }

  #delete(claim: Claim): void {
    this.database.query('DELETE FROM plugin_claims WHERE endpoint = ?').run(claim.endpoint);
    this.#claims.delete(claim.endpoint);
  }
}

/** A plugin that answers has been told; what it says to it changes nothing. */
async function tolerated(claim: Claim, call: Promise<void>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (isKind(error, 'unavailable') || isKind(error, 'notFound')) throw error;
    log.warn('a plugin complained when a container left its network', {
      container: claim.container,
      network: claim.network,
      error: messageOf(error),
    });
  }
}
