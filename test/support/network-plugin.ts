// Plugins for networks and addresses, which make real interfaces on a test's host.
import { message } from '../../src/kernel/rtnetlink/message.ts';
import { addressBytes, requirePrefix } from '../../src/network/addresses.ts';
import type { TestEngine } from './engine.ts';
import type { Machine } from './machines.ts';
import { type Answers, TestPlugin } from './plugin.ts';

/** A network driver like Docker's first ones: a bridge for each network, a pair of interfaces for each endpoint. */
export function networkPlugin(engine: TestEngine, machine: Machine, name: string, more: Answers = {}): TestPlugin {
  const text = (value: unknown) => String(value);
  const bridge = (request: Record<string, unknown>) => `pb-${text(request['NetworkID']).slice(0, 8)}`;
  const outer = (request: Record<string, unknown>) => `po-${text(request['EndpointID']).slice(0, 8)}`;
  const inner = (request: Record<string, unknown>) => `pi-${text(request['EndpointID']).slice(0, 8)}`;
  const gateways = new Map<string, string>();
  const has = (link: string) => machine.route.links().some(({ name: other }) => other === link);
  const remove = (link: string) => {
    if (has(link)) machine.route.send(message.deleteLink(link));
  };
  const answers: Answers = {
    GetCapabilities: () => ({ Scope: 'local', ConnectivityScope: 'local' }),
    CreateNetwork: request => {
      machine.route.send(message.newLink({ kind: 'bridge', name: bridge(request) }));
      machine.route.send(message.setLink(bridge(request), { up: true }));
      for (const pool of [...(request['IPv4Data'] as Pool[]), ...(request['IPv6Data'] as Pool[])]) {
        if (!pool.Gateway) continue;
        const { bits, ...address } = requirePrefix(pool.Gateway);
        const { index } = machine.route.link(bridge(request));
        machine.route.send(message.addAddress(index, { bytes: addressBytes(address), bits }));
        gateways.set(`${text(request['NetworkID'])}/${address.family}`, pool.Gateway.split('/')[0]!);
      }
      return {};
    },
    DeleteNetwork: request => {
      remove(bridge(request));
      return {};
    },
    CreateEndpoint: request => {
      const { index } = machine.route.link(bridge(request));
      machine.route.send(
        message.newLink({
          kind: 'veth',
          name: outer(request),
          master: index,
          up: true,
          peer: { name: inner(request), namespace: machine.descriptor },
        }),
      );
      return { Interface: {} };
    },
    DeleteEndpoint: request => {
      remove(outer(request));
      return {};
    },
    Join: request => ({
      InterfaceName: { SrcName: inner(request), DstPrefix: 'plug' },
      Gateway: gateways.get(`${text(request['NetworkID'])}/4`) ?? '',
      GatewayIPv6: gateways.get(`${text(request['NetworkID'])}/6`) ?? '',
    }),
    Leave: () => ({}),
    ProgramExternalConnectivity: () => ({}),
    RevokeExternalConnectivity: () => ({}),
    EndpointOperInfo: () => ({ Value: {} }),
    ...more,
  };
  return new TestPlugin(engine, name, ['NetworkDriver'], answers);
}

interface Pool {
  Gateway?: string;
}

/** An address driver that counts: every pool is 10.77.N.0/24, every address the next one. */
export function addressPlugin(
  engine: TestEngine,
  name: string,
  more: Answers = {},
): TestPlugin & { taken: Set<string> } {
  const taken = new Set<string>();
  let pools = 0;
  const answers: Answers = {
    GetCapabilities: () => ({ RequiresMACAddress: true }),
    GetDefaultAddressSpaces: () => ({ LocalDefaultAddressSpace: 'here', GlobalDefaultAddressSpace: 'everywhere' }),
    RequestPool: ({ Pool: asked }) => {
      const pool = asked === '' ? `10.77.${pools++}.0/24` : String(asked);
      taken.add(pool);
      return { PoolID: pool, Pool: pool, Data: {} };
    },
    ReleasePool: ({ PoolID: pool }) => {
      taken.delete(String(pool));
      return {};
    },
    RequestAddress: ({ PoolID: pool, Address: asked }) => {
      const network = String(pool).split('.').slice(0, 3).join('.');
      const free = () => {
        for (let last = 1; ; last++) if (!taken.has(`${network}.${last}`)) return `${network}.${last}`;
      };
      const address = String(asked) || free();
      taken.add(address);
      return { Address: `${address}/24`, Data: {} };
    },
    ReleaseAddress: ({ Address: address }) => {
      taken.delete(String(address));
      return {};
    },
    ...more,
  };
  return Object.assign(new TestPlugin(engine, name, ['IpamDriver'], answers), { taken });
}
