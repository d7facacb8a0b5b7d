// Networks and containers come, go, meet and part at random, and the engine is killed in between: what the kernel has is
// always what the state names, no more and no less.
//
//   CHAOS_STEPS=500 CHAOS_SEED=7 bun test ./test/chaos/networks.test.ts --timeout 100000000
import { expect, test } from 'bun:test';
import { closeSync, existsSync, readdirSync, readlinkSync } from 'node:fs';
import type { LinkAddress } from '../../src/kernel/rtnetlink/address.ts';
import { bindSocket } from '../../src/kernel/sockets.ts';
import { addressFromBytes, formatAddress } from '../../src/network/addresses.ts';
import type { Network, NetworkSettings } from '../../src/wire/types.ts';
import type { Answer } from '../support/api.ts';
import { type IptablesKind, iptablesTraces } from '../support/firewalls.ts';
import { findLeftovers } from '../support/leftovers.ts';
import { Machine } from '../support/machines.ts';
import { NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';
import { Random } from './random.ts';

const steps = Number(process.env['CHAOS_STEPS'] ?? 80);
const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const MAX_CONTAINERS = 6;
const MAX_NETWORKS = 4;
/** What the engine makes ahead. */
const SPARE_NAMESPACES = 2;
/** Of somebody else, who lets nothing through. */
const STRICT_TABLE =
  'add table ip theirs; add chain ip theirs FORWARD { type filter hook forward priority 0; policy drop; }';

interface Running {
  Id: string;
  pid: number;
  settings: NetworkSettings;
}

test(
  `${steps} random steps leave nothing that is not known, and miss nothing that is (CHAOS_SEED=${seed})`,
  async () => {
    await using lan = await NetworkHost.start({
      beforeStart: host => {
        Bun.spawnSync([...host.enter, 'nft', STRICT_TABLE]);
      },
    });
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
      ...random.pick([{}, {}, {}, { Driver: 'macvlan', Options: { parent: 'wire' } }]),
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
    if (random.between(1, 4) === 1) acts.push(call('prune networks', () => api.post('/networks/prune')));
    if (containers.length > 0) {
      // Also of those that do not run, and of the default bridge.
      const container = random.pick(containers).Id;
      const other = random.pick([network, network, network, 'bridge']);
      const GwPriority = random.between(-1, 1);
      const request = { Container: container, EndpointConfig: other === 'bridge' ? {} : { GwPriority } };
      acts.push(call('connect', () => api.post(`/networks/${other}/connect`, request)));
      const Force = random.between(1, 2) === 1;
      acts.push(call('disconnect', () => api.post(`/networks/${other}/disconnect`, { Container: container, Force })));
    }
  }
  if (containers.length > 0) {
    const container = random.pick(containers).Id;
    acts.push(call('remove', () => api.delete(`/containers/${container}?force=1`)));
    acts.push(call('restart', () => api.post(`/containers/${container}/restart?t=0`)));
    acts.push(call('kill container', () => api.post(`/containers/${container}/kill`)));
    acts.push(call('start', () => api.post(`/containers/${container}/start`)));
  }
  if (running.length > 0) {
    const container = random.pick(running);
    acts.push({ what: 'use the ports by IPv6', run: () => useByIPv6(lan, container) });
  }
  return random.pick(acts);
}

/** A refusal is an answer; an engine that has lost its way is not. */
function expectSense(answer: Answer): void {
  if (answer.status !== 500) return;
  // What Docker says with a 500 too.
  expect(answer.text).toMatch(/is not connected to|already in use|no configured subnet|port is already allocated/);
}

async function startContainer(lan: NetworkHost, random: Random, networks: readonly string[]): Promise<void> {
  const { api } = lan.engine;
  const fixed = { '80/tcp': [{ HostPort: String(random.between(8000, 8003)) }] };
  const ports = random.pick([{}, { '80/tcp': [{}], '81/udp': [{ HostIp: '127.0.0.1' }] }, fixed]);
  const created = await api.post('/containers/create', {
    Image: 'busybox',
    Cmd: ['sleep', '100000'],
    StopSignal: 'SIGKILL',
    HostConfig: { NetworkMode: random.pick(networks), PortBindings: ports },
  });
  if (created.status === 201) expectSense(await api.post(`/containers/${created.json<{ Id: string }>().Id}/start`));
}

/** What comes to the host's own IPv6 loopback is carried by a process, which starts with the first connection. */
async function useByIPv6(lan: NetworkHost, container: string): Promise<void> {
  const { NetworkSettings } = await lan.engine.inspect(container);
  const bindings = Object.values(NetworkSettings?.Ports ?? {}).flatMap(list => list ?? []);
  for (const { HostIp, HostPort } of bindings) {
    if (HostIp === '::') await lan.host.run('timeout', '1', 'busybox', 'nc', '::1', HostPort!, '-e', 'true');
  }
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
  const networks = await customNetworks(lan);
  return [
    ...hostSide(lan, running, networks),
    ...running.flatMap(container => insideOf(container, networks)),
    ...(await firewallSide(lan, running, networks)),
    ...engineSide(lan, running),
    ...portsSide(lan, running),
  ].join('\n');
}

const endpointsOf = ({ settings }: Running) => Object.values(settings.Networks ?? {});
const bindingsOf = ({ settings }: Running) => Object.values(settings.Ports ?? {}).flatMap(list => list ?? []);
const isIPv6 = (text: string) => text.includes(':');
const bridgeName = ({ Id }: Network) => `br-${Id!.slice(0, 12)}`;

function disagreement(what: string, found: readonly string[], expected: readonly string[]): string[] {
  const [a, b] = [[...found].sort().join(' '), [...expected].sort().join(' ')];
  return a === b ? [] : [`${what}: the kernel has [${a}], the state [${b}]`];
}

const formatted = ({ bytes, bits }: LinkAddress) => `${formatAddress(addressFromBytes(bytes))}/${bits}`;
/** The kernel's own: of the link, of loopback, of groups. */
const isOwn = (text: string) => /^(fe80|ff|127\.|::1|2(2[4-9]|3\d)\.)/.test(text);

function hostSide(lan: NetworkHost, running: readonly Running[], networks: readonly Network[]): string[] {
  const links = lan.host.route.links();
  const bridges = links.filter(({ kind, name }) => kind === 'bridge' && !name.startsWith('dy-'));
  const veths = links.filter(({ kind, name }) => kind === 'veth' && name !== 'wire');
  const bridged = networks.filter(({ Driver }) => Driver === 'bridge');
  const isBridged = (id: string | undefined) => !networks.some(({ Id, Driver }) => Id === id && Driver !== 'bridge');
  const endpoints = running.flatMap(endpointsOf).filter(({ NetworkID }) => isBridged(NetworkID));
  const names = bridges.map(({ name }) => name);
  const problems = [...disagreement('bridges', names, bridged.map(bridgeName))];
  if (veths.length !== endpoints.length) problems.push(`${veths.length} interfaces for ${endpoints.length} endpoints`);
  for (const veth of veths) if (veth.master === 0) problems.push(`${veth.name} is on no bridge`);
  for (const family of ['IPAddress', 'GlobalIPv6Address'] as const) {
    const addresses = endpoints.flatMap(endpoint => endpoint[family] || []);
    if (new Set(addresses).size !== addresses.length) problems.push(`an address twice: ${addresses.join(' ')}`);
  }
  const indexes = new Map(links.map(({ index, name }) => [index, name]));
  const onBridges = (index: number | undefined) => names.includes(indexes.get(index ?? 0) ?? '');
  const subnets = bridged.flatMap(network =>
    (network.IPAM?.Config ?? []).flatMap(({ Subnet, Gateway }) => (Subnet && Gateway ? [{ Subnet, Gateway }] : [])),
  );
  const found = lan.host.route.addresses().flatMap(({ link, address }) => (onBridges(link) ? formatted(address) : []));
  problems.push(
    ...disagreement(
      'addresses of bridges',
      found.filter(text => !isOwn(text)),
      subnets.map(({ Subnet, Gateway }) => `${Gateway}/${Subnet.split('/')[1]}`),
    ),
    ...disagreement(
      'routes',
      lan.host.route
        .routes()
        .flatMap(({ destination, link }) => (destination && onBridges(link) ? formatted(destination) : []))
        .filter(text => !isOwn(text)),
      subnets.map(({ Subnet }) => Subnet),
    ),
  );
  const known = new Set(endpoints.flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address]));
  const ports = new Set(links.flatMap(({ kind, index }) => (kind === 'bridge' || kind === 'veth' ? [index] : [])));
  for (const { link, address } of lan.host.route.neighbours()) {
    const text = formatAddress(addressFromBytes(address));
    if (!ports.has(link) || indexes.get(link) === 'wire' || isOwn(text) || known.has(text)) continue;
    problems.push(`a neighbour nobody knows: ${text}`);
  }
  return problems;
}

function insideOf(container: Running, networks: readonly Network[]): string[] {
  using machine = Machine.of(container.pid);
  const endpoints = endpointsOf(container);
  const what = (subject: string) => `${subject} in ${container.Id.slice(0, 12)}`;
  const addresses = machine.route.addresses().map(({ address }) => formatted(address).split('/')[0]!);
  const links = machine.route.links().filter(({ kind }) => kind === 'veth' || kind === 'macvlan');
  const defaults = machine.route.routes().filter(({ destination, gateway }) => !destination && gateway);
  const wayOut = (family: 'Gateway' | 'IPv6Gateway') =>
    endpoints.some(endpoint => {
      const network = networks.find(({ Id }) => Id === endpoint.NetworkID);
      return Boolean(endpoint[family]) && !network?.Internal;
    });
  return [
    ...disagreement(
      what('addresses'),
      addresses.filter(text => !isOwn(text)),
      endpoints.flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address].flatMap(a => a || [])),
    ),
    ...disagreement(
      what('interfaces'),
      links.map(({ macAddress }) => macAddress),
      endpoints.map(({ MacAddress }) => MacAddress ?? ''),
    ),
    ...disagreement(
      what('default routes'),
      defaults.map(({ gateway }) => String(gateway!.length)),
      [...(wayOut('Gateway') ? ['4'] : []), ...(wayOut('IPv6Gateway') ? ['16'] : [])],
    ),
  ];
}

/** Every set of the table, and what stands in the chain of somebody else. */
async function firewallSide(
  lan: NetworkHost,
  running: readonly Running[],
  networks: readonly Network[],
): Promise<string[]> {
  if (lan.firewall !== 'nftables') return iptablesSide(lan, running, networks);
  const tables = lan.tables();
  if (tables.length > 1) return [`tables ${tables.join(' ')}`];
  const listed = tables.length === 0 ? '' : await lan.host.output('nft', 'list', 'table', 'inet', tables[0]!);
  const elements = (name: string) =>
    (new RegExp(`\\b(?:set|map) ${name} \\{[^}]*?elements = \\{([^}]*)\\}`).exec(listed)?.[1] ?? '')
      .split(',')
      .map(part => part.trim().replace(/\s+/g, ' '))
      .filter(part => part !== '');
  const own = lan.host.route.links().filter(({ kind }) => kind === 'bridge');
  const defaultBridge = own.map(({ name }) => name).filter(name => name.startsWith('dy-'));
  const custom = networks.filter(({ Driver }) => Driver === 'bridge');
  const open = custom.filter(({ Internal }) => !Internal).map(bridgeName);
  const bindings = running.flatMap(bindingsOf);
  const published = running.flatMap(container =>
    Object.entries(container.settings.Ports ?? {}).flatMap(([port, list]) => {
      const families = (list ?? []).map(({ HostIp }) => isIPv6(HostIp ?? ''));
      return [...new Set(families)].map(() => `${container.Id} ${port}`);
    }),
  );
  const four = bindings.filter(({ HostIp }) => !isIPv6(HostIp ?? ''));
  const problems = [
    ...disagreement('set bridges', elements('bridges').map(unquoted), [...defaultBridge, ...custom.map(bridgeName)]),
    ...disagreement(
      'set internal',
      elements('internal').map(unquoted),
      custom.filter(({ Internal }) => Internal).map(bridgeName),
    ),
    ...disagreement(
      'set masquerade',
      elements('masquerade').map(text => unquoted(text.split(' . ')[1] ?? '')),
      [
        ...defaultBridge,
        ...open,
        ...custom.filter(({ Internal, EnableIPv6 }) => !Internal && EnableIPv6).map(bridgeName),
      ],
    ),
    ...disagreement(
      'any_ports4',
      elements('any_ports4').map(text => / \. (\d+) :/.exec(text)?.[1] ?? text),
      four.filter(({ HostIp }) => HostIp === '0.0.0.0').map(({ HostPort }) => HostPort!),
    ),
    ...disagreement(
      'ports4',
      elements('ports4').map(text => / \. (\d+) :/.exec(text)?.[1] ?? text),
      four.filter(({ HostIp }) => HostIp === '127.0.0.1').map(({ HostPort }) => HostPort!),
    ),
  ];
  const opened = elements('published4').length + elements('published6').length;
  const least = new Set(published).size;
  if (opened < least || opened > 2 * least) problems.push(`${opened} open container ports for ${published.join(' ')}`);
  const foreign = await lan.host.output('nft', 'list', 'table', 'ip', 'theirs');
  const bridges = [...defaultBridge, ...custom.map(bridgeName)];
  const wire = bridges.length > 0 ? ['wire'] : [];
  const found = (rule: string) =>
    [...foreign.matchAll(new RegExp(`^\\s*${rule}$`, 'gm'))].map(match => match[1] ?? 'all');
  const counted = String.raw`"(\S+)" counter packets \d+ bytes \d+`;
  problems.push(
    ...disagreement(
      'ways',
      found(String.raw`counter packets \d+ bytes \d+ jump dockyard-\w+`),
      wire.map(() => 'all'),
    ),
    ...disagreement('ways out of bridges', found(String.raw`iifname ${counted} jump dockyard-\w+-to`), bridges),
    ...disagreement('ways into bridges', found(String.raw`oifname ${counted} jump dockyard-\w+-from`), bridges),
    ...disagreement('what may be gone to', found(`oifname ${counted} accept`), [...wire, ...bridges]),
    ...disagreement('what may be come from', found(`iifname ${counted} accept`), wire),
  );
  return problems;
}

/** The same, of rules in chains. */
async function iptablesSide(
  lan: NetworkHost,
  running: readonly Running[],
  networks: readonly Network[],
): Promise<string[]> {
  const rules = await iptablesTraces(lan.host, lan.firewall as IptablesKind);
  const found = (rule: RegExp) => rules.flatMap(line => rule.exec(line)?.[1] ?? []);
  const own = lan.host.route.links().flatMap(({ kind, name }) => (kind === 'bridge' ? [name] : []));
  const custom = networks.filter(({ Driver }) => Driver === 'bridge');
  const internal = custom.filter(({ Internal }) => Internal).map(bridgeName);
  const six = custom.filter(({ EnableIPv6 }) => EnableIPv6);
  const bridges = [...own.filter(name => name.startsWith('dy-')), ...[...custom, ...six].map(bridgeName)];
  const isInternal = (name: string) => internal.includes(name);
  const translated = running
    .flatMap(container => Object.values(container.settings.Ports ?? {}))
    .flatMap(list => list ?? [])
    .filter(({ HostIp }) => !isIPv6(HostIp ?? ''));
  const once = (name: string) => [
    ...new Set(found(new RegExp(`^-A (?:FORWARD|PREROUTING|OUTPUT|POSTROUTING) .*-j (${name})$`))),
  ];
  return [
    ...disagreement('ways into bridges', found(/-forward -o (\S+) -j \S+-into$/), bridges),
    ...disagreement(
      'ways out of bridges',
      found(/-forward -i (\S+) -j/),
      bridges.filter(name => !isInternal(name)),
    ),
    ...disagreement('between containers', found(/-icc -i (\S+) -o \S+ -j ACCEPT$/), bridges),
    ...disagreement('closed bridges', found(/-drops -i (\S+) ! -o/), bridges.filter(isInternal)),
    ...disagreement(
      'ports',
      found(/-ports .*-p \w+ .*--dport (\d+) -j DNAT --to-destination \d+\./),
      translated.map(({ HostPort }) => HostPort!),
    ),
    ...(bridges.length > 0 ? disagreement('jumps', [String(once('dockyard-\\w+-\\w+').length)], ['5']) : []),
  ];
}

const unquoted = (text: string) => text.replaceAll('"', '');

/** Namespaces that are held, links to them, and processes that carry connections. */
function engineSide(lan: NetworkHost, running: readonly Running[]): string[] {
  const { pid, execRoot } = lan.engine;
  const inode = (path: string) => {
    try {
      return readlinkSync(path);
    } catch {
      // A descriptor may be closed while we look.
      return '';
    }
  };
  const own = new Set([inode('/proc/self/ns/net'), inode(`/proc/${pid}/ns/net`)]);
  const known = new Set(running.map(container => inode(`/proc/${container.pid}/ns/net`)));
  const held = new Set(readdirSync(`/proc/${pid}/fd`).map(fd => inode(`/proc/${pid}/fd/${fd}`)));
  const strangers = [...held].filter(name => name.startsWith('net:[') && !own.has(name) && !known.has(name));
  const links = existsSync(`${execRoot}/netns`) ? readdirSync(`${execRoot}/netns`) : [];
  const carriers = findLeftovers(lan.engine.roots).processes.filter(({ command }) => command.includes('port-proxy'));
  const targets = new Set(
    running.flatMap(endpointsOf).flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address]),
  );
  return [
    ...(strangers.length > SPARE_NAMESPACES ? [`namespaces that nobody is in: ${strangers.join(' ')}`] : []),
    ...(links.length === running.length ? [] : [`${links.length} links to namespaces of ${running.length}`]),
    ...carriers
      .filter(({ command }) => ![...targets].some(target => target && command.split(' ').includes(target)))
      .map(({ pid: carrier, command }) => `process ${carrier} carries for nobody: ${command}`),
  ];
}

/** A port is held exactly as long as it is published. */
function portsSide(lan: NetworkHost, running: readonly Running[]): string[] {
  const published = new Set(running.flatMap(bindingsOf).map(({ HostPort }) => Number(HostPort)));
  return [8000, 8001, 8002, 8003].flatMap(port => {
    const held = !lan.host.visit(() => isFree(port));
    return held === published.has(port) ? [] : [`port ${port} is ${held ? 'held' : 'free'}, and should not be`];
  });
}

function isFree(port: number): boolean {
  try {
    closeSync(bindSocket({ protocol: 'tcp', address: new Uint8Array(4), port, reuseAddress: true }));
    return true;
  } catch {
    return false;
  }
}
