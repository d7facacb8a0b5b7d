// The older iptables keeps its rules apart from nf_tables. Nobody tells when they change, so they are looked at: that is a system
// call. Only where something has to change its own program is run, while everything else goes on.
import { readTable, type XtablesChain } from '../../../kernel/xtables.ts';
import { messageOf } from '../../../lib/errors.ts';
import { log } from '../../../lib/logger.ts';
import type { Family as AddressFamily } from '../../addresses.ts';
import { findProgram, runProgram } from '../programs.ts';
import { type Passage, type PassageRule, passageChains, signatureOf } from './passage.ts';
import { ProgramQueue } from './queue.ts';

const FAMILIES = [
  { family: 4, programs: ['iptables-legacy', 'iptables'] },
  { family: 6, programs: ['ip6tables-legacy', 'ip6tables'] },
] as const;
const CHAIN = 'FORWARD';
const SECONDS_FOR_LOCK = '5';
const NOTHING: Passage = { bridges: [], outside: [] };

type Family = (typeof FAMILIES)[number];

export class XtablesChains {
  /** What our chains of a family have been filled with. */
  readonly #written = new Map<Family, string>();
  /** What its program has refused: it is not asked the same again. */
  readonly #refused = new Map<Family, string>();
  #passage = NOTHING;
  readonly #queue = new ProgramQueue();

  constructor(
    private readonly owner: string,
    /** Families whose rules are others'. */
    private readonly families: () => readonly AddressFamily[],
  ) {}

  /** A chain that drops lets us pass, and no other has rules of ours; `settled` tells when. */
  complete(passage: Passage): void {
    this.#passage = passage;
    for (const family of FAMILIES.filter(one => this.families().includes(one.family))) {
      const lack = this.#lacks(family);
      if (lack !== undefined && lack !== this.#refused.get(family)) this.#change(family);
    }
  }

  /** Whether somebody has made a chain drop, or taken our rules away. */
  check(): void {
    if (this.#queue.isIdle) this.complete(this.#passage);
  }

  remove(): void {
    this.complete(NOTHING);
  }

  /** Undefined when there is nothing to wait for. */
  get settled(): Promise<void> | undefined {
    return this.#queue.settled;
  }

  #change(family: Family): void {
    this.#queue.add(async () => {
      try {
        // It may have been done by the one before.
        const restore = this.#lacks(family);
        if (restore === undefined) return;
        const signature = signatureOf(this.#passage);
        this.#refused.set(family, restore);
        await runRestore(family, restore);
        this.#refused.delete(family);
        this.#written.set(family, signature);
      } catch (error) {
        // The host's other rules are what they were: containers may be cut off, the engine works.
        log.warn('could not change the rules of the older iptables', { error: messageOf(error) });
      }
    });
  }

  /** What has to be done, in the words of iptables-restore. */
  #lacks(family: Family): string | undefined {
    const chains = readTable(family.family, 'filter');
    const forward = chains?.get(CHAIN);
    if (!chains || !forward) return undefined;
    const jumps = forward.rules.filter(({ jump }) => jump === this.owner).length;
    const ours = [...passageChains(this.owner, this.#passage)];
    if (this.#passage.bridges.length === 0 || !drops(forward)) {
      const present = ours.flatMap(([chain]) => (chains.has(chain) ? [chain] : []));
      if (present.length === 0) return undefined;
      const removals = present.map(chain => `-X ${chain}`);
      return table(...this.#deleteJumps(jumps), ...present.map(chain => `-F ${chain}`), ...removals);
    }
    const isWhole = jumps === 1 && ours.every(([chain, rules]) => chains.get(chain)?.rules.length === rules.length);
    if (isWhole && this.#written.get(family) === signatureOf(this.#passage)) return undefined;
    return table(
      // Empties those that are there.
      ...ours.map(([chain]) => `:${chain} - [0:0]`),
      ...ours.flatMap(([chain, rules]) => rules.map(rule => `-A ${chain} ${argumentsOf(rule)}`)),
      ...(jumps === 1 ? [] : [...this.#deleteJumps(jumps), `-I ${CHAIN} -j ${this.owner}`]),
    );
  }

  #deleteJumps(count: number): string[] {
    return Array.from({ length: count }, () => `-D ${CHAIN} -j ${this.owner}`);
  }
}

/** By its policy, or by a last rule that nothing gets past. */
const drops = ({ policy, rules }: XtablesChain) => policy === 'drop' || rules.at(-1)?.always === 'drop';

const table = (...lines: string[]) => ['*filter', ...lines, 'COMMIT', ''].join('\n');

function argumentsOf({ direction, link, to }: PassageRule): string {
  const target = to === 'accept' ? 'ACCEPT' : to.jump;
  return `${direction === 'in' ? '-i' : '-o'} ${link} -j ${target}`;
}

async function runRestore(family: Family, input: string): Promise<void> {
  const program = await programOf(family);
  if (!program)
    throw new Error(`it has rules here that drop what is forwarded, but ${family.programs[0]} is not installed`);
  const command = [`${program}-restore`, '--noflush', '-w', SECONDS_FOR_LOCK];
  const { code, stderr } = await runProgram(command, input);
  if (code !== 0) throw new Error(`${program}-restore: ${stderr.trim()}`);
}

/** Under the plain name there may be the newer one. */
async function programOf({ programs }: Family): Promise<string | undefined> {
  for (const program of programs) {
    const path = findProgram(program);
    if (path && !(await runProgram([path, '--version'])).stdout.includes('nf_tables')) return path;
  }
  return undefined;
}
