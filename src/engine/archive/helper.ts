// The process that reads and writes a container's files. It first locks itself into the container's root, and only then looks at a
// path or an archive. All its calls are synchronous: other threads of this process are not locked in.
import { lstatSync, readSync, writeSync } from 'node:fs';
import { posix } from 'node:path';
import { changeRoot } from '../../kernel/files.ts';
import { DockyardError, errnoOf, invalid, messageOf, notFound } from '../../lib/errors.ts';
import { encodeName } from '../../lib/file-name.ts';
import { TarParser } from '../../lib/tar/parser.ts';
import { enterView } from './container-root.ts';
import { Extractor } from './extract.ts';
import type { ArchiveAnswer, ArchiveOrder, ContainerView, ExtractOptions } from './protocol.ts';
import { baseOf, followLinks, statOf } from './stat-path.ts';
import { TreeArchiver } from './tar-tree.ts';

const blockSize = 256 * 1024;

export async function run([text]: string[]): Promise<number> {
  const order = JSON.parse(text ?? '') as ArchiveOrder;
  process.umask(0);
  let answered = false;
  const respond = (answer: ArchiveAnswer) => {
    answered = true;
    writeAll(Buffer.from(`${JSON.stringify(answer)}\n`));
  };
  try {
    obey(order, respond);
    return 0;
  } catch (error) {
    // The engine is gone, or no longer wants the archive.
    if (errnoOf(error) === 'EPIPE') return 3;
    if (!answered) respond({ ok: false, ...described(order, error) });
    else console.error(messageOf(error));
    return 1;
  }
}

function described(order: ArchiveOrder, error: unknown): { error: string; errorKind: DockyardError['kind'] } {
  const missing = 'path' in order && ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');
  const shown = missing ? notFound(`Could not find the file ${order.path} in container ${order.view.name}`) : error;
  return { error: messageOf(shown), errorKind: shown instanceof DockyardError ? shown.kind : 'failed' };
}

function obey(order: ArchiveOrder, respond: (answer: ArchiveAnswer) => void): void {
  switch (order.kind) {
    case 'stat':
      enterView(order.view);
      respond({ ok: true, stat: statOf(absolute(order.path)) });
      return;
    case 'get': {
      enterView(order.view);
      const path = absolute(order.path);
      const stat = statOf(path);
      respond({ ok: true, stat });
      writeTree(path);
      return;
    }
    case 'put':
      enterView(order.view);
      put(order.view, order.path, order.options);
      respond({ ok: true });
      return;
    case 'export': {
      changeRoot(order.rootfs);
      respond({ ok: true });
      const output = new Output();
      const archiver = new TreeArchiver(output.write);
      archiver.addContents('/', '');
      archiver.finish();
      output.flush();
      return;
    }
  }
}

/** Cleaned and absolute, but a trailing slash or dot stays: it says that a directory is meant. */
function absolute(path: string): string {
  const clean = posix.join('/', path).replace(/(.)\/$/, '$1');
  const tail = /(^|\/)\.$/.test(path) ? '/.' : path.endsWith('/') ? '/' : '';
  return clean === '/' ? `/${tail === '/.' ? '.' : ''}` : clean + tail;
}

function writeTree(path: string): void {
  const output = new Output();
  const archiver = new TreeArchiver(output.write);
  const name = baseOf(path);
  if (lstatSync(encodeName(path)).isDirectory()) archiver.add(path, name === '/' ? '' : name);
  else archiver.add(path, name);
  archiver.finish();
  output.flush();
}

function put(view: ContainerView, path: string, options: ExtractOptions): void {
  const target = followLinks(posix.join('/', path));
  if (!lstatSync(encodeName(target)).isDirectory()) throw invalid('extraction point is not a directory');
  checkWritable(view, target);
  const extractor = new Extractor(target, options);
  const parser = new TarParser(extractor);
  const block = Buffer.allocUnsafeSlow(blockSize);
  for (;;) {
    const count = readSync(0, block, 0, blockSize, null);
    if (count === 0) break;
    parser.feed(block.subarray(0, count));
  }
  parser.finish();
  extractor.finish();
}

function checkWritable(view: ContainerView, path: string): void {
  const holds = ({ destination }: { destination: string }) =>
    path === destination || path.startsWith(`${destination}/`);
  const over = view.mounts.filter(holds).sort((a, b) => b.destination.length - a.destination.length)[0];
  if (over && !over.rw) throw invalid('mounted volume is marked read-only');
  if (!over && view.readonlyRootfs) throw invalid('container rootfs is marked read-only');
}

/** Gathers small writes. */
class Output {
  readonly #buffer = Buffer.allocUnsafeSlow(blockSize);
  #filled = 0;

  readonly write = (bytes: Uint8Array): void => {
    if (this.#filled + bytes.length > this.#buffer.length) this.flush();
    if (bytes.length >= this.#buffer.length / 2) {
      writeAll(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  };

  flush(): void {
    writeAll(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}

function writeAll(bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(1, bytes, written);
}
