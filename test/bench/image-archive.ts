// The image that is moved about: 400 MB in 20 000 files, in 4 layers, over a busybox to run. As Docker's old archive, which
// both sides read.
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { sha256 } from '../../src/lib/ids.ts';
import { type TarInput, tarEntry, writeTar } from '../../src/lib/tar/writer.ts';
import { busyboxLayer } from '../support/official-busybox.ts';

export const IMAGE = 'bench-image:latest';

const LAYERS = 4;
const FILES = 5000;
const FILE_SIZE = 20 * 1024;

let made: string | undefined;

/** Made once; removed when the process ends. */
export async function imageArchive(): Promise<string> {
  if (made !== undefined) return made;
  const path = `/tmp/bench-image-${process.pid}.tar`;
  made = path;
  process.once('exit', () => rmSync(path, { force: true }));
  const base = readFileSync(await busyboxLayer(`/tmp/bench-image-${process.pid}`));
  rmSync(`/tmp/bench-image-${process.pid}`, { recursive: true });
  const layers = [base];
  for (let number = 0; number < LAYERS; number++)
    layers.push(Buffer.concat(await Array.fromAsync(writeTar(files(number)))));
  const diffIds = layers.map(sha256);
  const config = JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: '2024-01-01T00:00:00Z',
    config: { Cmd: ['sh'] },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: diffIds.map(() => ({ created: '2024-01-01T00:00:00Z', created_by: 'bench' })),
  });
  const names = diffIds.map(diffId => `${diffId.slice('sha256:'.length)}/layer.tar`);
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: [IMAGE], Layers: names }]);
  const fd = openSync(path, 'w');
  try {
    const members = [
      ...layers.map((layer, at) => file(names[at]!, layer)),
      file('config.json', Buffer.from(config)),
      file('manifest.json', Buffer.from(manifest)),
    ];
    for await (const chunk of writeTar(members)) writeSync(fd, chunk);
  } finally {
    closeSync(fd);
  }
  return path;
}

function* files(layer: number): Generator<TarInput> {
  // Like real files: they shrink to some half when they are packed.
  const noise = randomBytes(FILE_SIZE * 4).toString('base64');
  for (let number = 0; number < FILES; number++) {
    const at = (number * 7919) % (noise.length - FILE_SIZE);
    yield file(`usr/share/layer-${layer}/${number % 100}/file-${number}`, Buffer.from(noise.slice(at, at + FILE_SIZE)));
  }
}

function file(name: string, body: Buffer): TarInput {
  return { entry: tarEntry({ name, kind: 'file', size: body.length }), body };
}
