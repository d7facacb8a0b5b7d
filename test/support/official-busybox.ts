// The busybox image as a tar of its one layer: Docker 20.10, which cannot load OCI archives, imports that.
import { mkdirSync } from 'node:fs';
import { busyboxArchive } from '../../src/engine/images/embedded/busybox.ts';
import { output } from './process.ts';

/** Unpacks into the directory, and returns the layer's path there. */
export async function busyboxLayer(directory: string): Promise<string> {
  const archive = await busyboxArchive();
  if (!archive) throw new Error('there is no static busybox on this machine');
  mkdirSync(directory);
  await output(['tar', 'x', '-C', directory], { input: archive });
  const blob = (digest: string) => `${directory}/blobs/${digest.replace(':', '/')}`;
  const index = await Bun.file(`${directory}/index.json`).json();
  const manifest = await Bun.file(blob(index.manifests[0].digest)).json();
  return blob(manifest.layers[0].digest);
}
