// The engine's side of packing: a directory becomes a layer's blob in the store.
import { failed } from '../../lib/errors.ts';
import type { Digest } from '../../lib/ids.ts';
import { helperCommand } from '../../lib/self.ts';
import { type Descriptor, MEDIA_TYPES } from '../oci.ts';
import type { ContentStore, Lease } from '../store.ts';
import type { PackAnswer, PackReport } from './helper.ts';

export interface PackedLayer {
  descriptor: Descriptor;
  diffId: Digest;
  empty: boolean;
}

export async function packLayer(
  content: ContentStore,
  directory: string,
  lease: Lease,
  signal?: AbortSignal,
): Promise<PackedLayer> {
  const file = content.blobs.temporaryFile();
  try {
    const { diffId, digest, size, empty } = await runHelper(directory, file, signal);
    lease.blobs.add(digest as Digest);
    await content.blobs.adoptFile(file, digest as Digest);
    const descriptor = { mediaType: MEDIA_TYPES.layerGzip, digest: digest as Digest, size };
    return { descriptor, diffId: diffId as Digest, empty };
  } finally {
    content.blobs.discardFile(file);
  }
}

async function runHelper(directory: string, file: string, signal: AbortSignal | undefined): Promise<PackReport> {
  const helper = Bun.spawn(helperCommand('pack-layer', [directory, file, 'gzip']), {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    env: {},
    signal,
    killSignal: 'SIGKILL',
  });
  const [output, complaints] = await Promise.all([helper.stdout.text(), helper.stderr.text()]);
  await helper.exited;
  signal?.throwIfAborted();
  if (output === '') throw failed(`packing a layer failed: ${complaints.trim().split('\n').at(-1) ?? ''}`);
  const answer = JSON.parse(output) as PackAnswer;
  if ('error' in answer) throw failed(`packing a layer failed: ${answer.error}`);
  return answer.done;
}
