// The plugins of this host: found when they are first needed, asked once what they are.
import { failed, invalid, isKind, notFound } from '../lib/errors.ts';
import { type Answer, type CallOptions, PluginClient } from './client.ts';
import { findPlugin, type PluginAddress, type PluginPlaces, pluginNames } from './places.ts';

/** What a plugin can be, in the protocol's words. */
export type PluginInterface = 'NetworkDriver' | 'IpamDriver' | 'VolumeDriver';

const ACTIVATION_LIMIT_MS = 10_000;
const LOOK_AGAIN_MS = 200;

/** One that has said that it implements an interface. */
export interface Plugin {
  readonly name: string;
  call(method: string, request: object, options: CallOptions): Promise<Answer>;
}

interface Activated {
  address: string;
  client: PluginClient;
  implements: readonly string[];
}

export class Plugins {
  /** By name; what was found at another address since is not it any more. */
  readonly #activated = new Map<string, Activated>();
  readonly #activating = new Map<string, Promise<Activated>>();

  constructor(private readonly places: PluginPlaces) {}

  /** `patienceMs`: for one that may be starting at this moment. */
  async get(name: string, wanted: PluginInterface, options: { patienceMs: number }): Promise<Plugin> {
    const until = performance.now() + options.patienceMs;
    for (;;) {
      try {
        return await this.#get(name, wanted, until);
      } catch (error) {
        if (!isKind(error, 'notFound') || performance.now() + LOOK_AGAIN_MS > until) throw error;
        await Bun.sleep(LOOK_AGAIN_MS);
      }
    }
  }

  /** Those that have been used and could be used again. */
  known(wanted: PluginInterface): string[] {
    return [...this.#activated].flatMap(([name, activated]) => (activated.implements.includes(wanted) ? [name] : []));
  }

  /** All of the host that are an interface, also those that nobody has used yet. One that does not answer is left out. */
  async all(wanted: PluginInterface): Promise<Plugin[]> {
    const asked = pluginNames(this.places).map(name => this.get(name, wanted, { patienceMs: 0 }));
    return (await Promise.allSettled(asked)).flatMap(result => (result.status === 'fulfilled' ? [result.value] : []));
  }

  async #get(name: string, wanted: PluginInterface, until: number): Promise<Plugin> {
    const address = findPlugin(this.places, name);
    if (!address) throw notFound(`plugin "${name}" not found`);
    const activated = await this.#activate(name, address, until);
    if (!activated.implements.includes(wanted)) {
      throw invalid(`plugin "${name}" is no ${wanted}: it implements ${activated.implements.join(', ') || 'nothing'}`);
    }
    return { name, call: (method, request, options) => this.#call(activated, `${wanted}.${method}`, request, options) };
  }

  async #activate(name: string, address: PluginAddress, until: number): Promise<Activated> {
    const known = this.#activated.get(name);
    if (known?.address === JSON.stringify(address)) return known;
    const underWay = this.#activating.get(name);
    if (underWay) return underWay;
    const activation = activate(name, address, Math.max(0, until - performance.now()));
    this.#activating.set(name, activation);
    try {
      const activated = await activation;
      this.#activated.set(name, activated);
      return activated;
    } finally {
      this.#activating.delete(name);
    }
  }

  async #call(activated: Activated, method: string, request: object, options: CallOptions): Promise<Answer> {
    try {
      return await activated.client.call(method, request, options);
    } catch (error) {
      // Whoever listens there next may be another.
      if (isKind(error, 'unavailable') && this.#activated.get(activated.client.name) === activated) {
        this.#activated.delete(activated.client.name);
      }
      throw error;
    }
  }
}

async function activate(name: string, address: PluginAddress, patienceMs: number): Promise<Activated> {
  const client = new PluginClient(name, address);
  const answer = await client.call('Plugin.Activate', {}, { limitMs: ACTIVATION_LIMIT_MS, patienceMs });
  const list = answer['Implements'];
  if (!Array.isArray(list)) throw failed(`plugin ${name} does not say what it implements`);
  return { address: JSON.stringify(address), client, implements: list.map(String) };
}
