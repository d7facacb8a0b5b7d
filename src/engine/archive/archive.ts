// docker cp both ways and docker export: the engine's side of the helper process that does the work inside the container's root.

import { decompressAny } from '../../lib/compression.ts';
import { DockyardError, errnoOf, failed } from '../../lib/errors.ts';
import { helperCommand } from '../../lib/self.ts';
import type { ByteSource } from '../../lib/streams.ts';
import type { PathStat } from '../containers/containers.ts';
import type { ArchiveAnswer, ArchiveOrder, ContainerView, ExtractOptions } from './protocol.ts';

export type { ContainerView, ExtractOptions } from './protocol.ts';

export async function statPath(view: ContainerView, path: string): Promise<PathStat> {
  await using helper = new ArchiveHelper({ kind: 'stat', view, path });
  return (await helper.answer()).stat!;
}

/** The archive must be read or returned; until then the helper lives. */
export async function getArchive(
  view: ContainerView,
  path: string,
  signal: AbortSignal,
): Promise<{ stat: PathStat; archive: ByteSource }> {
  const { answer, archive } = await startArchive({ kind: 'get', view, path }, signal);
  return { stat: answer.stat!, archive };
}

/** A tar of the whole root file system, without what is mounted over it. */
export async function exportRoot({ rootfs }: Pick<ContainerView, 'rootfs'>, signal: AbortSignal): Promise<ByteSource> {
  return (await startArchive({ kind: 'export', rootfs }, signal)).archive;
}

async function startArchive(order: ArchiveOrder, signal: AbortSignal) {
  const helper = new ArchiveHelper(order, signal);
  try {
    const answer = await helper.answer();
    return { answer, archive: helper.archive() };
  } catch (error) {
    await helper[Symbol.asyncDispose]();
    throw error;
  }
}

/** The archive may be compressed. */
export async function putArchive(
  view: ContainerView,
  path: string,
  archive: ByteSource,
  options: ExtractOptions,
): Promise<void> {
  await using helper = new ArchiveHelper({ kind: 'put', view, path, options });
  await helper.feed(decompressAny(archive));
  await helper.answer();
}

class ArchiveHelper implements AsyncDisposable {
  readonly #process: Bun.Subprocess<'pipe', 'pipe', 'pipe'>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array>;
  readonly #complaints: Promise<string>;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.#process.kill('SIGKILL');
  /** What came together with the answer's line. */
  #rest: Uint8Array = new Uint8Array();

  constructor(order: ArchiveOrder, signal?: AbortSignal) {
    this.#process = Bun.spawn(helperCommand('archive', [JSON.stringify(order)]), {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      env: {},
    });
    this.#output = this.#process.stdout.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    this.#complaints = new Response(this.#process.stderr).text();
    this.#signal = signal;
    if (signal?.aborted) this.#abort();
    signal?.addEventListener('abort', this.#abort);
  }

  /** Gives the helper its input, at its pace. Ends early when the helper does: its answer says why. */
  async feed(source: ByteSource): Promise<void> {
    const { stdin } = this.#process;
    try {
      for await (const chunk of source) {
        if (this.#process.exitCode !== null) return;
        stdin.write(chunk);
        await stdin.flush();
      }
    } catch (error) {
      if (errnoOf(error) !== 'EPIPE') throw error;
    }
    await stdin.end();
  }

  async answer(): Promise<Extract<ArchiveAnswer, { ok: true }>> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const { value, done } = await this.#output.read();
      if (done) throw await this.#failure();
      const end = value.indexOf(0x0a);
      parts.push(end < 0 ? value : value.subarray(0, end));
      if (end < 0) continue;
      this.#rest = value.subarray(end + 1);
      const answer = JSON.parse(Buffer.concat(parts).toString()) as ArchiveAnswer;
      if (!answer.ok) throw new DockyardError(answer.errorKind, answer.error);
      return answer;
    }
  }

  /** Everything after the answer. Owns the helper: it is gone when this ends or is returned. */
  async *archive(): AsyncGenerator<Uint8Array, void, void> {
    try {
      if (this.#rest.length > 0) yield this.#rest;
      for (;;) {
        const { value, done } = await this.#output.read();
        if (done) break;
        yield value;
      }
      if ((await this.#process.exited) !== 0) throw await this.#failure();
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  async #failure(): Promise<Error> {
    if (this.#signal?.aborted) return failed('the archive is no longer wanted', this.#signal.reason);
    const code = await this.#process.exited;
    const complaint = (await this.#complaints).trim().split('\n').at(-1) ?? '';
    const how = this.#process.signalCode ?? `exit code ${code}`;
    return failed(`the archive helper ended with ${how}${complaint && `: ${complaint}`}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort);
    if (this.#process.exitCode === null) this.#process.kill('SIGKILL');
    await this.#process.exited;
  }
}
