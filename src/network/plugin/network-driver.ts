// The NetworkDriver interface of a plugin, as a thing with methods.
import { failed } from '../../lib/errors.ts';
import { flagIn, objectIn, objectsIn, textIn } from '../../plugins/answers.ts';
import { type Answer, PluginRefusal } from '../../plugins/client.ts';
import type { Plugin } from '../../plugins/plugins.ts';
import { parseAddress, parsePrefix } from '../addresses.ts';

const LIMIT_MS = 30_000;
/** How long a plugin that does not listen may take to come, when a container needs it. */
const PATIENCE_MS = 5_000;
const CONNECTED = 1;

interface DriverCapabilities {
  scope: 'local' | 'global';
  /** It wants to be asked whether a network needs a gateway. */
  decidesGateways: boolean;
}

/** A subnet of a new network, in the protocol's words. */
export interface PoolData {
  AddressSpace: string;
  Pool: string;
  Gateway?: string;
  AuxAddresses?: Record<string, string>;
}

/** '' where there is none. */
interface EndpointAddresses {
  Address: string;
  AddressIPv6: string;
  MacAddress: string;
}

interface StaticRoute {
  destination: string;
  /** Undefined where the interface leads there directly. */
  gateway: string | undefined;
}

export interface Joined {
  /** The interface that the plugin made on the host; '' if there is none. */
  sourceInterface: string;
  /** What its name inside begins with. */
  prefix: string;
  gateway: string;
  gateway6: string;
  routes: StaticRoute[];
  needsNoGateway: boolean;
}

export class NetworkPlugin {
  constructor(
    private readonly plugin: Plugin,
    private readonly patienceMs = PATIENCE_MS,
  ) {}

  async capabilities(): Promise<DriverCapabilities> {
    const answer = await this.#call('GetCapabilities', {});
    const scope = textIn(answer, 'Scope');
    const connectivity = textIn(answer, 'ConnectivityScope');
    if (!isScope(scope)) throw failed(`plugin ${this.plugin.name}: Scope is "${scope}", not "local" or "global"`);
    if (connectivity !== '' && !isScope(connectivity)) {
      throw failed(`plugin ${this.plugin.name}: ConnectivityScope is "${connectivity}", not "local" or "global"`);
    }
    return { scope, decidesGateways: flagIn(answer, 'GwAllocChecker') };
  }

  /** Which families of a network need no gateway. */
  async skipsGateways(options: object): Promise<Record<4 | 6, boolean>> {
    const answer = await this.#call('GwAllocCheck', { Options: options });
    return { 4: flagIn(answer, 'SkipIPv4'), 6: flagIn(answer, 'SkipIPv6') };
  }

  async createNetwork(request: {
    NetworkID: string;
    Options: object;
    IPv4Data: PoolData[];
    IPv6Data: PoolData[];
  }): Promise<void> {
    await this.#call('CreateNetwork', request);
  }

  async deleteNetwork(id: string): Promise<void> {
    await this.#call('DeleteNetwork', { NetworkID: id });
  }

  /** What the plugin adds to the addresses that were asked for. */
  async createEndpoint(request: {
    NetworkID: string;
    EndpointID: string;
    Interface: EndpointAddresses;
    Options: object;
  }): Promise<EndpointAddresses> {
    const answer = objectIn(await this.#call('CreateEndpoint', request), 'Interface') ?? {};
    const given = {
      Address: this.#prefix(answer, 'Address', 4),
      AddressIPv6: this.#prefix(answer, 'AddressIPv6', 6),
      MacAddress: textIn(answer, 'MacAddress'),
    };
    for (const field of ['Address', 'AddressIPv6', 'MacAddress'] as const) {
      if (given[field] === '' || request.Interface[field] === '') continue;
      throw failed(`plugin ${this.plugin.name} changed the ${field} of an endpoint that has one already`);
    }
    return given;
  }

  async deleteEndpoint(network: string, endpoint: string): Promise<void> {
    await this.#call('DeleteEndpoint', { NetworkID: network, EndpointID: endpoint });
  }

  async join(request: { NetworkID: string; EndpointID: string; SandboxKey: string; Options: object }): Promise<Joined> {
    const answer = await this.#call('Join', request);
    const name = objectIn(answer, 'InterfaceName') ?? {};
    return {
      sourceInterface: textIn(name, 'SrcName'),
      prefix: textIn(name, 'DstPrefix'),
      gateway: this.#address(answer, 'Gateway', 4),
      gateway6: this.#address(answer, 'GatewayIPv6', 6),
      routes: objectsIn(answer, 'StaticRoutes').map(route => this.#route(route)),
      needsNoGateway: flagIn(answer, 'DisableGatewayService'),
    };
  }

  async leave(network: string, endpoint: string): Promise<void> {
    await this.#call('Leave', { NetworkID: network, EndpointID: endpoint });
  }

  /** The endpoint is its container's way out now, and what it publishes is to be reached through it. */
  async programExternal(network: string, endpoint: string, options: object): Promise<void> {
    await this.#callIfThere('ProgramExternalConnectivity', {
      NetworkID: network,
      EndpointID: endpoint,
      Options: options,
    });
  }

  async revokeExternal(network: string, endpoint: string): Promise<void> {
    await this.#callIfThere('RevokeExternalConnectivity', { NetworkID: network, EndpointID: endpoint });
  }

  /** Not every plugin has this method. */
  async #callIfThere(method: string, request: object): Promise<void> {
    try {
      await this.#call(method, request);
    } catch (error) {
      if (!(error instanceof PluginRefusal && error.status === 404)) throw error;
    }
  }

  #call(method: string, request: object): Promise<Answer> {
    return this.plugin.call(method, request, { limitMs: LIMIT_MS, patienceMs: this.patienceMs });
  }

  #prefix(answer: Answer, field: string, family: 4 | 6): string {
    const text = textIn(answer, field);
    if (text === '' || parsePrefix(text)?.family === family) return text;
    throw failed(`plugin ${this.plugin.name}: "${text}" is no address with its prefix length (${field})`);
  }

  #address(answer: Answer, field: string, family: 4 | 6): string {
    const text = textIn(answer, field);
    if (text === '' || parseAddress(text)?.family === family) return text;
    throw failed(`plugin ${this.plugin.name}: "${text}" is no IPv${family} address (${field})`);
  }

  #route(answer: Answer): StaticRoute {
    const destination = textIn(answer, 'Destination');
    const family = parsePrefix(destination)?.family;
    if (!family) throw failed(`plugin ${this.plugin.name}: a static route leads to "${destination}"`);
    if (answer['RouteType'] === CONNECTED) return { destination, gateway: undefined };
    const gateway = this.#address(answer, 'NextHop', family);
    if (gateway === '') throw failed(`plugin ${this.plugin.name}: the static route to ${destination} has no next hop`);
    return { destination, gateway };
  }
}

const isScope = (text: string): text is 'local' | 'global' => text === 'local' || text === 'global';
