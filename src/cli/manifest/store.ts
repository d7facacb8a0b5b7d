// Manifest lists that are being put together: under `manifests` in the configuration's directory, a folder per list and a
// file per image, as Docker's client keeps them.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { errnoOf } from '../../lib/errors.ts';
import { canonicalName, type Reference } from '../../lib/reference.ts';
import { type ListedImage, orderedPlatform } from '../../registry/image-manifests.ts';
import { ExitError } from '../framework/errors.ts';

/** How it is written to the file, and shown by `inspect --verbose`. */
interface StoredImage {
  Ref: string;
  Descriptor: ListedImage['descriptor'];
  /** The manifest in base64. */
  Raw: string;
  SchemaV2Manifest?: unknown;
  OCIManifest?: unknown;
}

export interface NamedImage extends ListedImage {
  /** Full name, with its tag or digest. */
  name: string;
}

export class ManifestStore {
  readonly #directory: string;

  constructor(configDirectory: string) {
    this.#directory = `${configDirectory}/manifests`;
  }

  /** Undefined if there is no such list. */
  async list(list: Reference): Promise<NamedImage[] | undefined> {
    const directory = this.#listDirectory(list);
    try {
      const names = (await readdir(directory)).filter(name => !name.startsWith('.')).sort();
      return await Promise.all(names.map(name => readImage(`${directory}/${name}`)));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async image(list: Reference, image: Reference): Promise<NamedImage | undefined> {
    try {
      return await readImage(this.#file(list, image));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async save(list: Reference, image: Reference, content: NamedImage): Promise<void> {
    await mkdir(this.#listDirectory(list), { recursive: true, mode: 0o755 });
    const path = this.#file(list, image);
    const temporary = `${this.#listDirectory(list)}/.${process.pid}`;
    await writeFile(temporary, JSON.stringify(shown(content)));
    await rename(temporary, path);
  }

  /** False if there is no such list. */
  async remove(list: Reference): Promise<boolean> {
    try {
      await rm(this.#listDirectory(list), { recursive: true });
      return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  #listDirectory(list: Reference): string {
    return `${this.#directory}/${fileName(list)}`;
  }

  #file(list: Reference, image: Reference): string {
    return `${this.#listDirectory(list)}/${fileName(image)}`;
  }
}

const fileName = (reference: Reference) => canonicalName(reference).replaceAll(':', '-').replaceAll('/', '_');

async function readImage(path: string): Promise<NamedImage> {
  const text = await readFile(path, 'utf8');
  try {
    const { Ref, Descriptor, Raw } = JSON.parse(text) as StoredImage;
    return { name: Ref, descriptor: Descriptor, bytes: Buffer.from(Raw, 'base64') };
  } catch {
    throw new ExitError(1, `${path} is damaged: remove the list with \`docker manifest rm\` and create it again`);
  }
}

/** In the order of Docker's keys. */
export function shown({ name, descriptor, bytes }: NamedImage): StoredImage {
  const { mediaType, digest, size, platform } = descriptor;
  const manifest: unknown = JSON.parse(bytes.toString('utf8'));
  const kind = mediaType.startsWith('application/vnd.oci.') ? 'OCIManifest' : 'SchemaV2Manifest';
  return {
    Ref: name,
    Descriptor: { mediaType, digest, size, ...(platform && { platform: orderedPlatform(platform) }) },
    Raw: bytes.toString('base64'),
    [kind]: manifest,
  };
}
