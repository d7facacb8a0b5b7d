// The images an engine has without asking any registry.
import type { ByteSource } from '../../../lib/streams.ts';
import { BUSYBOX, busyboxArchive } from './busybox.ts';
import { HELLO_WORLD, helloWorldArchive } from './hello-world.ts';
import { REGISTRY, registryArchive } from './registry.ts';

export interface EmbeddedImage {
  /** Full reference. */
  name: string;
  /** first: there from the beginning, and when no registry is to be reached. only: nobody else has it, so nobody is asked. */
  when: 'first' | 'only';
  /** An OCI archive, or undefined when this machine has nothing to make it from. */
  archive(): Promise<ByteSource | undefined>;
}

export const embeddedImages: readonly EmbeddedImage[] = [
  { name: HELLO_WORLD, when: 'first', archive: () => whole(helloWorldArchive()) },
  { name: BUSYBOX, when: 'first', archive: () => whole(busyboxArchive()) },
  { name: REGISTRY, when: 'only', archive: registryArchive },
];

async function whole(made: Promise<Buffer | undefined>): Promise<ByteSource | undefined> {
  const archive = await made;
  if (!archive) return undefined;
  return (async function* () {
    yield archive;
  })();
}
