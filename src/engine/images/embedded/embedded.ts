// The images an engine has without asking any registry.
import { BUSYBOX, busyboxArchive } from './busybox.ts';
import { HELLO_WORLD, helloWorldArchive } from './hello-world.ts';

export interface EmbeddedImage {
  /** Full reference. */
  name: string;
  /** An OCI archive, or undefined when this machine has nothing to make it from. */
  archive(): Promise<Buffer | undefined>;
}

export const embeddedImages: readonly EmbeddedImage[] = [
  { name: HELLO_WORLD, archive: helloWorldArchive },
  { name: BUSYBOX, archive: busyboxArchive },
];
