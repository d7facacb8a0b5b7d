// Pulls of what is built in: where no registry is to be reached, and of what is to be had nowhere else.
import { failed, isKind, messageOf, notFound } from '../../../lib/errors.ts';
import {
  canonicalName,
  familiarName,
  familiarRepository,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from '../../../lib/reference.ts';
import type { ByteSource } from '../../../lib/streams.ts';
import type { ProgressMessage, TransferRequest } from '../images.ts';
import { type EmbeddedImage, embeddedImages } from './embedded.ts';

export async function* pullOrBuiltIn(
  { reference }: Pick<TransferRequest, 'reference'>,
  pull: () => AsyncIterable<ProgressMessage>,
  load: (archive: ByteSource) => Promise<void>,
): AsyncIterable<ProgressMessage> {
  const only = embeddedImages.find(
    ({ when, name }) => when === 'only' && name.startsWith(`${repositoryOf(reference)}:`),
  );
  if (only) {
    yield* loadOnly(only, reference, load);
    return;
  }
  try {
    yield* pull();
  } catch (error) {
    if (!isKind(error, 'unavailable')) throw error;
    const name = canonicalName(reference);
    const archive = await embeddedImages.find(image => image.name === name)?.archive();
    if (!archive) throw error;
    yield { status: `${messageOf(error)}; this image is built in` };
    await load(archive);
    yield { status: `Status: Loaded the built-in image ${name}` };
  }
}

/** Never asked for elsewhere: somebody else could have put something under that name. */
async function* loadOnly(
  { name, archive }: EmbeddedImage,
  reference: Reference,
  load: (archive: ByteSource) => Promise<void>,
): AsyncIterable<ProgressMessage> {
  if (canonicalName(withDefaultTag(reference)) !== name) {
    throw notFound(
      `${familiarName(reference)} is made by this engine itself, and only as ${familiarRepository(reference)}:latest`,
    );
  }
  yield { status: 'Making it from this engine', id: 'latest' };
  const made = await archive();
  if (!made) {
    throw failed(
      `${familiarRepository(reference)} is made from the executable of this engine, which must be a built one, with "ldd" to be found on this machine`,
    );
  }
  await load(made);
  yield { status: `Status: Loaded the built-in image ${name}` };
}
