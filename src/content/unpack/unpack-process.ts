// The engine's end of a helper process that unpacks layers.
import { DockyardError, failed } from '../../lib/errors.ts';
import { helperCommand } from '../../lib/self.ts';
import type { LayerSummary } from './layer-writer.ts';
import { JsonLines, type UnpackJob, type UnpackOrder, type UnpackReport } from './protocol.ts';

/** A helper lives for a second or two: the JIT's last tier takes more time and memory than it ever gives back. */
const HELPER_ENVIRONMENT = { BUN_JSC_useFTLJIT: '0' };

export type Unpacked = LayerSummary & { diffId?: string };

type Outcome = Exclude<UnpackReport, { read: number }>;

export class UnpackProcess {
  readonly #process: Bun.Subprocess<'pipe', 'pipe', 'pipe'>;
  /** Why it ended. */
  readonly #end: Promise<Error>;
  #onReport: (report: UnpackReport) => void = () => {};

  /** Both layers' directories and blobs are named by where they are in `home`. */
  constructor(home: string, maxRatio: number) {
    this.#process = Bun.spawn({
      cmd: helperCommand('unpack-layer', [home, String(maxRatio)]),
      stdio: ['pipe', 'pipe', 'pipe'],
      env: HELPER_ENVIRONMENT,
    });
    this.#end = this.#follow();
    // Whoever has it unpack something hears of it.
    this.#end.catch(() => {});
  }

  get isAlive(): boolean {
    return !this.#process.killed && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** One at a time. What fails leaves the process of no use. */
  async unpack(job: UnpackJob, onRead: (bytes: number) => void): Promise<Unpacked> {
    const { promise: outcome, resolve } = Promise.withResolvers<Outcome>();
    this.#onReport = report => {
      if ('read' in report) onRead(report.read);
      else resolve(report);
    };
    this.tell({ unpack: job });
    const result = await Promise.race([outcome, this.#end]);
    this.#onReport = () => {};
    if (result instanceof Error) throw result;
    if ('error' in result) throw new DockyardError(result.kind, result.error);
    return result.done;
  }

  tell(order: UnpackOrder): void {
    if (!this.isAlive) return;
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    this.#process.stdin.flush();
  }

  /** Resolves when it is gone and touches nothing any more. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exited;
  }

  async #follow(): Promise<Error> {
    const lines = new JsonLines<UnpackReport>();
    const complaints = new Response(this.#process.stderr).text();
    for await (const chunk of this.#process.stdout) for (const report of lines.feed(chunk)) this.#onReport(report);
    await this.#process.exited;
    this.#process.stdin.end();
    const { exitCode, signalCode } = this.#process;
    const text = (await complaints).trim().split('\n').at(-1) ?? '';
    return failed(`unpacking a layer ended with ${signalCode ?? `exit code ${exitCode}`}${text && `: ${text}`}`);
  }
}
