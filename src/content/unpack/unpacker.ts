// The engine's side of unpacking: one helper process per layer, which may start before the blob is complete.
import { DockyardError, failed } from '../../lib/errors.ts';
import { helperCommand } from '../../lib/self.ts';
import type { LayerSummary } from './layer-writer.ts';
import { JsonLines, type UnpackReport } from './protocol.ts';

/** A helper lives for a second or two: the JIT's last tier takes more time and memory than it ever gives back. */
const HELPER_ENVIRONMENT = { BUN_JSC_useFTLJIT: '0' };

export type Unpacked = LayerSummary & { diffId?: string };

export class LayerUnpacker {
  readonly result: Promise<Unpacked>;
  readonly #process: Bun.Subprocess<'pipe', 'pipe', 'pipe'>;

  /**
   * `blob` is a descriptor, which the caller may close afterwards. `directory` must exist and be empty. `onRead` hears how
   * many of the blob's bytes are unpacked.
   */
  constructor(blob: number, directory: string, onRead: (bytes: number) => void = () => {}) {
    this.#process = Bun.spawn({
      cmd: helperCommand('unpack-layer', [directory]),
      stdio: ['pipe', 'pipe', 'pipe', blob],
      env: HELPER_ENVIRONMENT,
    });
    this.result = this.#follow(onRead);
    // Whoever aborts does not ask for the result.
    this.result.catch(() => {});
  }

  /** So many bytes of the blob are on disk. */
  available(bytes: number): void {
    this.#tell({ available: bytes, complete: false });
  }

  complete(bytes: number): void {
    this.#tell({ available: bytes, complete: true });
  }

  /** Ends the helper; resolves when it no longer touches the directory. */
  async abort(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exited;
  }

  #tell(order: { available: number; complete: boolean }): void {
    if (this.#process.killed) return;
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    this.#process.stdin.flush();
  }

  async #follow(onRead: (bytes: number) => void): Promise<Unpacked> {
    const lines = new JsonLines<UnpackReport>();
    let outcome: Exclude<UnpackReport, { read: number }> | undefined;
    const complaints = new Response(this.#process.stderr).text();
    for await (const chunk of this.#process.stdout) {
      for (const report of lines.feed(chunk)) {
        if ('read' in report) onRead(report.read);
        else outcome = report;
      }
    }
    await this.#process.exited;
    this.#process.stdin.end();
    if (outcome === undefined) {
      const { exitCode, signalCode } = this.#process;
      const text = (await complaints).trim().split('\n').at(-1) ?? '';
      throw failed(`unpacking a layer ended with ${signalCode ?? `exit code ${exitCode}`}${text && `: ${text}`}`);
    }
    if ('error' in outcome) throw new DockyardError(outcome.kind, outcome.error);
    return outcome.done;
  }
}
