// What `iptables-restore --noflush` reads, and what `iptables-save` writes. Each table is one transaction.
import type { ChainNames, Jump, Layout, Rule, Table } from './chains.ts';
import type { RuleChange } from './rule-book.ts';

const FORWARD = 'FORWARD';
/** Of Docker's own, those that say what its users or its internal networks forbid: they are asked before ours accept. */
const DOCKERS = ['DOCKER-USER', 'DOCKER-FORWARD', 'DOCKER-ISOLATION-STAGE-1', 'DOCKER-INGRESS'];
const USERS_CHAIN = 'DOCKER-USER';
const DROPS_OF_ANY = /^dockyard-[0-9a-f]+-drops$/;

/** A table as it is. */
export interface SavedTable {
  chains: ReadonlySet<string>;
  /** By policy, what FORWARD does with what nobody decided. */
  forwardPolicy: string;
  /** As they are listed, in order. */
  rules: readonly { chain: string; text: string; target: string }[];
}

export type Saved = ReadonlyMap<string, SavedTable>;

export function parseSaved(listing: string): Saved {
  const tables = new Map<string, SavedTable & { chains: Set<string>; rules: SavedTable['rules'][number][] }>();
  let table = { chains: new Set<string>(), forwardPolicy: 'ACCEPT', rules: [] as SavedTable['rules'][number][] };
  for (const line of listing.split('\n')) {
    if (line.startsWith('*')) {
      table = { chains: new Set(), forwardPolicy: 'ACCEPT', rules: [] };
      tables.set(line.slice(1), table);
    } else if (line.startsWith(':')) {
      const [name = '', policy = ''] = line.slice(1).split(' ');
      table.chains.add(name);
      if (name === FORWARD) table.forwardPolicy = policy;
    } else if (line.startsWith('-A ')) {
      const [, chain = '', ...rest] = line.split(' ');
      const text = rest.join(' ');
      table.rules.push({ chain, text, target: / ?-[jg] (\S+)/.exec(text)?.[1] ?? '' });
    }
  }
  return tables;
}

const emptyTable: SavedTable = { chains: new Set(), forwardPolicy: 'ACCEPT', rules: [] };

export const hasAnything = (saved: Saved, chains: ChainNames) =>
  [...saved.values()].some(table => Object.values(chains).some(name => table.chains.has(name)));

const script = (table: Table, lines: readonly string[]) =>
  `*${table}\n${lines.map(line => `${line}\n`).join('')}COMMIT\n`;

const addition = ({ chain, text, first }: Rule) => (first ? `-I ${chain} 1 ${text}` : `-A ${chain} ${text}`);

/** Fails as a whole if anybody has taken away what leads to our chains. */
export function changeScript(layouts: readonly Layout[], changes: readonly RuleChange[]): string {
  return layouts
    .map(({ table, jumps }) =>
      script(table, [
        ...jumps.map(({ base, chain, match }) => `-C ${base} ${match}-j ${chain}`),
        ...changes
          .filter(({ rule }) => rule.table === table)
          .map(({ rule, action }) => (action === 'add' ? addition(rule) : `-D ${rule.chain} ${rule.text}`)),
      ]),
    )
    .join('');
}

/** Everything anew, whatever is there. */
export function wholeScript(
  layouts: readonly Layout[],
  rules: readonly Rule[],
  saved: Saved,
  closed: { chain: string; is: boolean },
): string {
  return layouts
    .map(({ table, chains, fixed, jumps }) => {
      const present = saved.get(table) ?? emptyTable;
      return script(table, [
        ...(table === 'filter' && closed.is ? [':FORWARD DROP [0:0]', `:${closed.chain} - [0:0]`] : []),
        ...chains.map(name => `:${name} - [0:0]`),
        ...fixed.map(({ chain, text }) => `-A ${chain} ${text}`),
        ...rules.filter(rule => rule.table === table).map(addition),
        ...jumpLines(present, jumps),
      ]);
    })
    .join('');
}

/** Those that are there go, wherever they stand, and come again where they belong. */
function jumpLines(present: SavedTable, jumps: readonly Jump[]): string[] {
  const isOurs = (target: string) => jumps.some(({ chain }) => chain === target);
  const lines = present.rules.filter(({ target }) => isOurs(target)).map(({ chain, text }) => `-D ${chain} ${text}`);
  const targets = present.rules
    .filter(({ chain, target }) => chain === FORWARD && !isOurs(target))
    .map(({ target }) => target);
  for (const { base, chain, match } of jumps) {
    const position = base === FORWARD ? forwardPosition(targets, chain) : 0;
    if (base === FORWARD) targets.splice(position, 0, chain);
    lines.push(`-I ${base} ${position + 1} ${match}-j ${chain}`);
  }
  return lines;
}

/**
 * In front, but behind what the host's people forbid. What an engine's internal networks are closed to stands before what any
 * engine accepts.
 */
function forwardPosition(targets: readonly string[], chain: string): number {
  const isEarlier = DROPS_OF_ANY.test(chain)
    ? (target: string) => target === USERS_CHAIN
    : (target: string) => DOCKERS.includes(target) || DROPS_OF_ANY.test(target);
  return targets.findLastIndex(isEarlier) + 1;
}

/** Nothing of ours is left. */
export function removalScript(saved: Saved, names: ChainNames): string {
  const own = new Set(Object.values(names));
  return [...saved]
    .flatMap(([table, { chains, rules }]) => {
      const ours = [...chains].filter(name => own.has(name));
      if (ours.length === 0) return [];
      return [
        script(table as Table, [
          ...(own.has(names.closed) && chains.has(names.closed) ? [':FORWARD ACCEPT [0:0]'] : []),
          ...rules
            .filter(({ chain, target }) => own.has(target) && !own.has(chain))
            .map(({ chain, text }) => `-D ${chain} ${text}`),
          ...ours.map(name => `-F ${name}`),
          ...ours.map(name => `-X ${name}`),
        ]),
      ];
    })
    .join('');
}
