// A local file or directory as a tar stream, for `docker cp` into a container.
import type { BigIntStats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { deviceNumbers, xattr } from '../../kernel/files.ts';
import { decodeName, encodeName } from '../../lib/file-name.ts';
import type { ByteSource } from '../../lib/streams.ts';
import type { TarKind } from '../../lib/tar/entry.ts';
import { type TarInput, tarEntry, writeTar } from '../../lib/tar/writer.ts';

/** The one attribute that a copy must keep: without it a program loses its rights. */
const CAPABILITY = 'security.capability';

/** The tree at `path`, under `name` in the archive. */
export async function* packTree(path: string, name: string): ByteSource {
  yield* writeTar(inputs(path, name, new Map()));
}

async function* inputs(path: string, name: string, links: Map<string, string>): AsyncGenerator<TarInput> {
  const stat = await lstat(encodeName(path), { bigint: true });
  const kind = kindOf(stat);
  // A socket means nothing outside of the process that listens on it.
  if (kind === undefined) return;
  const input = await inputOf(path, name, kind, stat);
  const inode = `${stat.dev}:${stat.ino}`;
  const first = kind === 'file' && stat.nlink > 1n ? links.get(inode) : undefined;
  if (first !== undefined) {
    yield { entry: { ...input.entry, kind: 'hardlink', size: 0, linkName: first } };
    return;
  }
  links.set(inode, name);
  yield input;
  if (kind !== 'directory') return;
  const children = await readdir(encodeName(path), { encoding: 'buffer' });
  for (const child of children.map(decodeName).sort()) yield* inputs(`${path}/${child}`, `${name}/${child}`, links);
}

async function inputOf(path: string, name: string, kind: TarKind, stat: BigIntStats): Promise<TarInput> {
  const size = kind === 'file' ? Number(stat.size) : 0;
  const device = kind === 'character' || kind === 'block' ? deviceNumbers(stat.rdev) : { major: 0, minor: 0 };
  const capability = kind === 'file' ? xattr(path, CAPABILITY) : undefined;
  const entry = tarEntry({
    name,
    kind,
    size,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    modified: stat.mtimeNs,
    linkName: kind === 'symlink' ? decodeName(await readlink(encodeName(path), { encoding: 'buffer' })) : '',
    deviceMajor: device.major,
    deviceMinor: device.minor,
    xattrs: new Map(capability ? [[CAPABILITY, capability]] : []),
  });
  return size > 0 ? { entry, body: contentOf(path, size) } : { entry };
}

/** As much as was announced, even if the file has grown since. */
async function* contentOf(path: string, size: number): ByteSource {
  const { open } = await import('node:fs/promises');
  await using file = await open(encodeName(path), 'r');
  let remaining = size;
  while (remaining > 0) {
    const buffer = Buffer.allocUnsafe(Math.min(remaining, 256 * 1024));
    const { bytesRead } = await file.read(buffer, 0, buffer.length);
    if (bytesRead === 0) return;
    remaining -= bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

function kindOf(stat: BigIntStats): TarKind | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isCharacterDevice()) return 'character';
  if (stat.isBlockDevice()) return 'block';
  return stat.isFIFO() ? 'fifo' : undefined;
}
