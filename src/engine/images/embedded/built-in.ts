// A pull where no registry is to be reached: what is built in can be had all the same.
import { isKind, messageOf } from '../../../lib/errors.ts';
import { canonicalName } from '../../../lib/reference.ts';
import type { ProgressMessage, TransferRequest } from '../images.ts';
import { embeddedImages } from './embedded.ts';

export async function* pullOrBuiltIn(
  { reference }: Pick<TransferRequest, 'reference'>,
  pull: AsyncIterable<ProgressMessage>,
  load: (archive: Uint8Array) => Promise<void>,
): AsyncIterable<ProgressMessage> {
  try {
    yield* pull;
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
