// The ways in which a container can have a network: a namespace of its own, the host's, another container's. Which one it is says
// its mode.
import { KernelError } from '../../kernel/libc.ts';
import { conflict, failed } from '../../lib/errors.ts';
import { newNetworkId } from '../../lib/ids.ts';
import { embeddedResolvConf, hostResolvConf, plainResolvConf } from '../../network/resolv-conf.ts';
import type { SandboxNamespace } from '../../network/sandbox.ts';
import { type NetworkContext, publish } from './context.ts';
import { findNetwork } from './find.ts';
import { activeEndpoints } from './gateway.ts';
import { hostHosts, hostsEntries } from './hosts-file.ts';
import { linkedFrom } from './links.ts';
import type { Sandbox } from './networks.ts';
import { tellGateways } from './plugins/plugin-endpoints.ts';
import { discard, needsPreparation, type PreparedSandbox, prepareSandbox } from './plugins/prepared.ts';
import type { SandboxKind, SandboxRecord } from './record.ts';
import { isContainerMode } from './register.ts';
import { resolvOverrides } from './resolv-overrides.ts';
import { placeholder, startSandbox, stopSandbox } from './sandbox-lifecycle.ts';

export async function startByMode(context: NetworkContext, record: SandboxRecord): Promise<Sandbox> {
  if (isContainerMode(record.mode)) return join(context, record);
  if (modeDriver(context, record) === 'host') return shareHost(context, record);
  if (needsPreparation(context, record)) return startWithPlugins(context, record);
  const sandbox = startOwn(context, record, undefined);
  await context.host.settled();
  return sandbox;
}

async function startWithPlugins(context: NetworkContext, record: SandboxRecord): Promise<Sandbox> {
  const { claims } = context;
  const container = { container: record.container };
  await claims.settle(container);
  const prepared = await prepareSandbox(context, record);
  try {
    let sandbox: Sandbox;
    {
      using _ = prepared.grants;
      sandbox = startOwn(context, record, prepared);
    }
    await tellGateways(context, record);
    await context.host.settled();
    return sandbox;
  } catch (error) {
    stopSandbox(context, record);
    discard(context, prepared);
    await claims.settle(container);
    throw error;
  }
}

function startOwn(context: NetworkContext, record: SandboxRecord, prepared: PreparedSandbox | undefined): Sandbox {
  let namespace: SandboxNamespace;
  try {
    namespace = startSandbox(context, record, prepared);
  } catch (error) {
    const isRefused = error instanceof KernelError && error.code === 'EPERM';
    // An engine without rights over networks can still have one made by the runtime, with nothing in it.
    if (isRefused && modeDriver(context, record) === 'null') return startAlone(context, record);
    throw error;
  }
  tellConnected(context, record);
  for (const other of linkedFrom(context, record)) refreshHosts(context, other);
  return {
    namespace: { kind: 'path', path: namespace.path },
    hosts: hostsEntries(context, record),
    resolvConf: resolvConf(context, record),
  };
}

function shareHost(context: NetworkContext, record: SandboxRecord): Sandbox {
  makeLive(context, record, 'host');
  return {
    namespace: { kind: 'host' },
    hosts: hostHosts(context, record),
    resolvConf: resolvConf(context, record),
  };
}

function startAlone(context: NetworkContext, record: SandboxRecord): Sandbox {
  makeLive(context, record, 'own');
  return {
    namespace: { kind: 'new' },
    hosts: hostsEntries(context, record),
    resolvConf: resolvConf(context, record),
  };
}

/** On networks that are nothing but a name. */
function makeLive(context: NetworkContext, record: SandboxRecord, kind: SandboxKind): void {
  record.live = { id: newNetworkId(), kind, ways: '' };
  for (const [name, endpoint] of Object.entries(record.endpoints)) {
    endpoint.network = findNetwork(context.store, name)?.id;
    endpoint.live = placeholder();
  }
  context.store.saveSandbox(record);
  tellConnected(context, record);
}

function tellConnected(context: NetworkContext, record: SandboxRecord): void {
  for (const { network, endpoint } of activeEndpoints(context, record)) {
    if (!endpoint.gatewayService) publish(context, network, 'connect', { container: record.container });
  }
}

/** Into the namespace of another container, which must run. */
function join(context: NetworkContext, record: SandboxRecord): Sandbox {
  const { users, store } = context;
  const reference = record.mode.slice('container:'.length);
  const target = users.resolve(reference);
  if (!target) throw failed(`joining network namespace of container: No such container: ${reference}`);
  if (target === record.container) throw failed('cannot join own network namespace');
  const pid = users.pid(target);
  const other = store.sandbox(target);
  if (pid === undefined || !other) {
    const name = users.name(target) ?? target;
    throw conflict(`cannot join network namespace of a non running container: container ${name} is exited`);
  }
  record.live = { id: newNetworkId(), kind: 'joined', ways: '' };
  store.saveSandbox(record);
  const isHost = other.live?.kind === 'host';
  return {
    namespace: isHost ? { kind: 'host' } : { kind: 'path', path: `/proc/${pid}/ns/net` },
    hosts: isHost ? hostHosts(context, other) : hostsEntries(context, other),
    resolvConf: resolvConf(context, other),
  };
}

const modeDriver = (context: NetworkContext, { mode }: SandboxRecord) => findNetwork(context.store, mode)?.driver;

/** The content of its file. */
export function resolvConf(context: NetworkContext, record: SandboxRecord): string {
  const overrides = resolvOverrides(context, record);
  if (record.live?.kind === 'host') return hostResolvConf(overrides).content;
  if (context.nameServers.has(record.container)) return embeddedResolvConf(overrides).content;
  const ipv6 = activeEndpoints(context, record).some(({ live }) => live.ipv6);
  return plainResolvConf(overrides, ipv6).content;
}

/** Those whose names a running container knows have changed. */
export function refreshHosts(context: NetworkContext, record: SandboxRecord): void {
  context.users.hostsChanged(record.container, hostsEntries(context, record));
}
