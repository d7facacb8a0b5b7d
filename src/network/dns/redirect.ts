// In a container's namespace: what is sent to port 53 of the embedded server comes to the ports that it has.
import { existsSync, readFileSync } from 'node:fs';
import { expression as x } from '../../kernel/nftables/expression.ts';
import { NftSocket } from '../../kernel/nftables/socket.ts';
import { Transaction } from '../../kernel/nftables/transaction.ts';
import { errnoOf } from '../../lib/errors.ts';
import { addressBytes, requireAddress } from '../addresses.ts';
import type { FirewallBackend } from '../firewall/backends.ts';
import { runIptables } from '../firewall/iptables/programs.ts';
import { EMBEDDED_SERVER } from '../resolv-conf.ts';
import type { SandboxNamespace } from '../sandbox.ts';
import type { Transport } from './forwarder.ts';

const NAME = 'dockyard-names';
const FAMILY = 'ip';
const ADDRESS = addressBytes(requireAddress(EMBEDDED_SERVER));
const IPPROTO = { udp: 17, tcp: 6 } as const;
const TRANSPORTS = ['udp', 'tcp'] as const;
const OLDER_TABLES = '/proc/thread-self/net/ip_tables_names';
const PORT_53 = Uint8Array.of(0, 53);
const NAT_OUTPUT_PRIORITY = -100;

export interface RedirectOptions {
  backend: FirewallBackend;
  ports: Record<Transport, number>;
  /** An earlier engine had one there, by whichever backend. It leads nowhere now. */
  again: boolean;
}

export async function redirect(namespace: SandboxNamespace, { backend, ports, again }: RedirectOptions): Promise<void> {
  if (backend === 'nftables') {
    byNftables(namespace, ports, again);
    if (again) await forgetIptables(namespace);
    return;
  }
  if (again) forgetNftables(namespace);
  await byIptables(namespace, ports, again);
}

/** Deleting costs 10 ms, so only where there is something. */
function byNftables(namespace: SandboxNamespace, ports: Record<Transport, number>, again: boolean): void {
  const transaction = new Transaction().addTable(FAMILY, NAME);
  if (again) transaction.deleteTable(FAMILY, NAME).addTable(FAMILY, NAME);
  const chain = { family: FAMILY, table: NAME, chain: 'output' } as const;
  transaction.addChain(FAMILY, NAME, chain.chain, {
    type: 'nat',
    hook: 'output',
    priority: NAT_OUTPUT_PRIORITY,
    policy: 'accept',
  });
  for (const transport of TRANSPORTS) {
    transaction.addRule(chain, [
      x.payload('network', 16, 4),
      x.compare('eq', ADDRESS),
      x.meta('l4proto'),
      x.compare('eq', Uint8Array.of(IPPROTO[transport])),
      x.payload('transport', 2, 2),
      x.compare('eq', PORT_53),
      x.immediate(ADDRESS, 0),
      x.immediate(Uint8Array.of(ports[transport] >> 8, ports[transport] & 0xff), 1),
      x.nat('dnat', 4, { address: 0, port: 1 }),
    ]);
  }
  using socket = namespace.visit(() => new NftSocket());
  socket.commit(transaction);
}

function forgetNftables(namespace: SandboxNamespace): void {
  try {
    using socket = namespace.visit(() => new NftSocket());
    if (socket.tables(FAMILY).includes(NAME)) socket.commit(new Transaction().deleteTable(FAMILY, NAME));
  } catch (error) {
    // A kernel without nf_tables has nothing to forget.
    if (errnoOf(error) === undefined) throw error;
  }
}

async function byIptables(
  namespace: SandboxNamespace,
  ports: Record<Transport, number>,
  again: boolean,
): Promise<void> {
  const jump = `OUTPUT -d ${EMBEDDED_SERVER} -j ${NAME}`;
  const has = again && (await hasChain(namespace));
  const rules = TRANSPORTS.map(
    transport =>
      `-A ${NAME} -p ${transport} --dport 53 -j DNAT --to-destination ${EMBEDDED_SERVER}:${ports[transport]}`,
  );
  const lines = ['*nat', `:${NAME} - [0:0]`, ...(has ? [`-D ${jump}`] : []), `-I ${jump}`, ...rules, 'COMMIT', ''];
  await inside(namespace, 'restore', lines.join('\n'));
}

async function forgetIptables(namespace: SandboxNamespace): Promise<void> {
  if (!hasIptables(namespace) || !(await hasChain(namespace))) return;
  await inside(
    namespace,
    'restore',
    ['*nat', `-D OUTPUT -d ${EMBEDDED_SERVER} -j ${NAME}`, `-F ${NAME}`, `-X ${NAME}`, 'COMMIT', ''].join('\n'),
  );
}

/** Both kinds tell without a process whether anybody used them there. */
function hasIptables(namespace: SandboxNamespace): boolean {
  return namespace.visit(() => {
    if (existsSync(OLDER_TABLES) && readFileSync(OLDER_TABLES, 'utf8').split('\n').includes('nat')) return true;
    using socket = new NftSocket();
    return socket.tables(FAMILY).includes('nat');
  });
}

const hasChain = async (namespace: SandboxNamespace) => (await inside(namespace, 'save')).includes(`\n:${NAME} `);

const inside = (namespace: SandboxNamespace, verb: 'save' | 'restore', input?: string) =>
  runIptables(4, verb, input, namespace.descriptor);
