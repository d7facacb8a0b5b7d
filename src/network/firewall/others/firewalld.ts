// From version 2 on, firewalld lets nobody else change its table. What is to pass has to be asked for: a bridge goes into the zone
// that everything is let pass in, until firewalld ends or we take it out.
import { log } from '../../../lib/logger.ts';
import { type Finished, findProgram, runProgram } from '../programs.ts';
import { ProgramQueue } from './queue.ts';

const PROGRAM = 'firewall-cmd';
const ZONE = 'trusted';

export class Firewalld {
  readonly #queue = new ProgramQueue();
  readonly #admitted = new Set<string>();
  #known = '';

  /** `state` is another when firewalld has made its rules anew, which may have forgotten us. */
  complete(bridges: readonly string[], state: string): void {
    const known = JSON.stringify([bridges, state]);
    if (known === this.#known) return;
    this.#known = known;
    this.#queue.add(() => this.#change(bridges));
  }

  remove(): void {
    if (this.#known !== '') this.complete([], '');
  }

  get settled(): Promise<void> | undefined {
    return this.#queue.settled;
  }

  async #change(bridges: readonly string[]): Promise<void> {
    const program = findProgram(PROGRAM);
    if (!program) {
      log.warn(`firewalld has locked its rules, and ${PROGRAM} is not installed: containers may be cut off`);
      return;
    }
    try {
      for (const bridge of [...this.#admitted].filter(name => !bridges.includes(name))) {
        await runProgram([program, `--zone=${ZONE}`, `--remove-interface=${bridge}`]);
        this.#admitted.delete(bridge);
      }
      for (const bridge of bridges) await this.#admit(program, bridge);
    } catch (error) {
      log.warn('could not ask firewalld to let containers pass', { error: String(error) });
    }
  }

  async #admit(program: string, bridge: string): Promise<void> {
    const { code, stdout } = await runProgram([program, `--get-zone-of-interface=${bridge}`]);
    const zone = code === 0 ? stdout.trim() : '';
    if (zone === ZONE) this.#admitted.add(bridge);
    // Whoever put it into another zone knows why.
    if (zone !== '') return;
    const added = await runProgram([program, `--zone=${ZONE}`, `--add-interface=${bridge}`]);
    if (added.code === 0) this.#admitted.add(bridge);
    else log.warn('firewalld does not let a bridge pass: containers may be cut off', { bridge, reason: saidBy(added) });
  }
}

const saidBy = ({ stderr, stdout }: Finished) => (stderr || stdout).trim();
