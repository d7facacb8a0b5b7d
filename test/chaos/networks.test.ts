// Networks and containers come, go, meet and part at random, and the engine is killed in between: what the kernel has is
// always what the state names, no more and no less.
//
//   CHAOS_STEPS=500 CHAOS_SEED=7 bun test ./test/chaos/networks.test.ts --timeout 100000000
import { expect, test } from 'bun:test';
import type { Network, NetworkSettings } from '../../src/wire/types.ts';
import type { Answer } from '../support/api.ts';
import { Machine } from '../support/machines.ts';
import { NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';
import { Random } from './random.ts';

const steps = Number(process.env['CHAOS_STEPS'] ?? 80);
const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const MAX_CONTAINERS = 6;
const MAX_NETWORKS = 4;

interface Running {
  Id: string;
  pid: number;
  settings: NetworkSettings;
}

test(
  `${steps} random steps leave nothing that is not known, and miss nothing that is (CHAOS_SEED=${seed})`,
  async () => {
    await using lan = await NetworkHost.start();
    const random = new Random(seed);
    const story: string[] = [];
    for (let step = 0; step < steps; step++) {
      const act = await choose(lan, random);
      story.push(act.what);
      const done = act.run().catch(error => {
        // While the engine is dead, nobody answers.
        if (!killing) throw error;
      });
      const killing = random.between(1, 8) === 1;
      if (killing) {
        story.push('kill');
        await Bun.sleep(random.between(0, 30));
        await lan.engine.kill();
        await done;
        await lan.engine.start();
      }
      await done;
      await agreement(lan, () => story.slice(-12).join(', '));
    }
  },
  steps * 20_000,
);

interface Act {
  what: string;
  run(): Promise<unknown>;
}

async function choose(lan: NetworkHost, random: Random): Promise<Act> {
  const { api } = lan.engine;
  const networks = (await customNetworks(lan)).map(({ Id }) => Id!);
  const containers = (await api.get('/containers/json?all=1')).ok.json<{ Id: string; State: string }[]>();
  const running = containers.filter(({ State }) => State === 'running').map(({ Id }) => Id);
  const call = (what: string, work: () => Promise<Answer>): Act => ({
    what,
    run: async () => expectSense(await work()),
  });
  const acts: Act[] = [];
  if (networks.length < MAX_NETWORKS) {
    const body = {
      Name: `n${random.between(0, 1e6)}`,
      Internal: random.between(1, 4) === 1,
      EnableIPv6: random.between(1, 3) === 1,
    };
    acts.push(call('create network', () => api.post('/networks/create', body)));
  }
  if (containers.length < MAX_CONTAINERS) {
    acts.push({ what: 'run', run: () => startContainer(lan, random, ['bridge', 'bridge', ...networks]) });
  }
  if (networks.length > 0) {
    const network = random.pick(networks);
    acts.push(call('remove network', () => api.delete(`/networks/${network}`)));
    if (running.length > 0) {
      const container = random.pick(running);
      acts.push(call('connect', () => api.post(`/networks/${network}/connect`, { Container: container })));
      acts.push(call('disconnect', () => api.post(`/networks/${network}/disconnect`, { Container: container })));
    }
  }
  if (containers.length > 0) {
    const container = random.pick(containers).Id;
    acts.push(call('remove', () => api.delete(`/containers/${container}?force=1`)));
    acts.push(call('restart', () => api.post(`/containers/${container}/restart?t=0`)));
    acts.push(call('kill container', () => api.post(`/containers/${container}/kill`)));
  }
  return random.pick(acts);
}

/** A refusal is an answer; an engine that has lost its way is not. */
function expectSense(answer: Answer): void {
  if (answer.status !== 500) return;
  // What Docker says with a 500 too.
  expect(answer.text).toMatch(/is not connected to|already in use|no configured subnet/);
}

async function startContainer(lan: NetworkHost, random: Random, networks: readonly string[]): Promise<void> {
  const { api } = lan.engine;
  const ports = random.between(1, 2) === 1 ? { '80/tcp': [{}], '81/udp': [{ HostIp: '127.0.0.1' }] } : {};
  const created = await api.post('/containers/create', {
    Image: 'busybox',
    Cmd: ['sleep', '100000'],
    StopSignal: 'SIGKILL',
    HostConfig: { NetworkMode: random.pick(networks), PortBindings: ports },
  });
  if (created.status === 201) expectSense(await api.post(`/containers/${created.json<{ Id: string }>().Id}/start`));
}

async function customNetworks(lan: NetworkHost): Promise<Network[]> {
  const filters = encodeURIComponent(JSON.stringify({ type: ['custom'] }));
  return (await lan.engine.api.get(`/networks?filters=${filters}`)).ok.json();
}

/** Everything of the kernel's that goes by itself is given a moment. */
async function agreement(lan: NetworkHost, story: () => string): Promise<void> {
  let difference = '';
  await until(
    async () => {
      difference = await differences(lan);
      return difference === '';
    },
    { within: 10_000, what: () => `agreement after ${story()}:\n${difference}` },
  );
}

async function differences(lan: NetworkHost): Promise<string> {
  const list = (await lan.engine.api.get('/containers/json')).ok.json<{ Id: string }[]>();
  const running: Running[] = await Promise.all(
    list.map(async ({ Id }) => {
      const { State, NetworkSettings } = await lan.engine.inspect(Id);
      return { Id, pid: State!.Pid!, settings: NetworkSettings! };
    }),
  );
  const bridges = [...(await customNetworks(lan)).map(({ Id }) => `br-${Id!.slice(0, 12)}`)];
  return [...hostSide(lan, running, bridges), ...running.flatMap(insideOf), ...(await firewallSide(lan, running))].join(
    '\n',
  );
}

const endpointsOf = ({ settings }: Running) => Object.values(settings.Networks ?? {});

function hostSide(lan: NetworkHost, running: readonly Running[], bridges: readonly string[]): string[] {
  const links = lan.host.route.links().filter(({ kind }) => kind === 'bridge' || kind === 'veth');
  const own = links.filter(({ kind, name }) => kind === 'bridge' && !name.startsWith('dy-'));
  const veths = links.filter(({ kind, name }) => kind === 'veth' && name !== 'wire');
  const endpoints = running.flatMap(endpointsOf);
  const problems: string[] = [];
  const compare = (what: string, found: readonly string[], expected: readonly string[]) => {
    const [a, b] = [[...found].sort().join(' '), [...expected].sort().join(' ')];
    if (a !== b) problems.push(`${what}: the kernel has [${a}], the state [${b}]`);
  };
  compare(
    'bridges',
    own.map(({ name }) => name),
    bridges,
  );
  if (veths.length !== endpoints.length) problems.push(`${veths.length} interfaces for ${endpoints.length} endpoints`);
  for (const veth of veths) if (veth.master === 0) problems.push(`${veth.name} is on no bridge`);
  const addresses = endpoints.map(endpoint => endpoint.IPAddress ?? '');
  if (new Set(addresses).size !== addresses.length) problems.push(`an address twice: ${addresses.join(' ')}`);
  const known = new Set(endpoints.flatMap(({ IPAddress }) => (IPAddress ? [IPAddress] : [])));
  const bridgeIndexes = new Set(links.filter(({ kind }) => kind === 'bridge').map(({ index }) => index));
  for (const { link, address } of lan.host.route.neighbours()) {
    // Groups are the kernel's own.
    const text = address.length === 4 && address[0]! < 224 ? [...address].join('.') : undefined;
    if (text && bridgeIndexes.has(link) && !known.has(text)) problems.push(`a neighbour nobody knows: ${text}`);
  }
  return problems;
}

function insideOf(container: Running): string[] {
  using machine = Machine.of(container.pid);
  const found = machine.route
    .addresses()
    .filter(({ link, address }) => link !== 1 && address.bytes.length === 4)
    .map(({ address }) => [...address.bytes].join('.'));
  const expected = endpointsOf(container).map(endpoint => endpoint.IPAddress ?? '');
  const [a, b] = [found.sort().join(' '), expected.sort().join(' ')];
  const routes = machine.route.routes().filter(({ destination }) => !destination);
  const ways = endpointsOf(container).some(endpoint => endpoint.Gateway) ? 1 : 0;
  return [
    ...(a === b ? [] : [`in ${container.Id.slice(0, 12)}: addresses [${a}] instead of [${b}]`]),
    ...(routes.filter(({ gateway }) => gateway?.length === 4).length === ways
      ? []
      : [`in ${container.Id.slice(0, 12)}: ${routes.length} default routes`]),
  ];
}

async function firewallSide(lan: NetworkHost, running: readonly Running[]): Promise<string[]> {
  const tables = lan.tables();
  if (tables.length > 1) return [`tables ${tables.join(' ')}`];
  const listed = tables.length === 0 ? '' : await lan.host.output('nft', 'list', 'table', 'inet', tables[0]!);
  const set = (name: string) =>
    new RegExp(`\\b(?:set|map) ${name} \\{[^}]*?elements = \\{([^}]*)\\}`).exec(listed)?.[1] ?? '';
  const count = (name: string) =>
    set(name)
      .split(',')
      .filter(part => part.trim() !== '').length;
  const bindings = running.flatMap(({ settings }) => Object.values(settings.Ports ?? {}).flatMap(list => list ?? []));
  const expected = {
    any_ports4: bindings.filter(({ HostIp }) => HostIp === '0.0.0.0').length,
    ports4: bindings.filter(({ HostIp }) => HostIp === '127.0.0.1').length,
  };
  return Object.entries(expected).flatMap(([name, number]) =>
    count(name) === number ? [] : [`${name} has ${count(name)} elements for ${number} published ports`],
  );
}
