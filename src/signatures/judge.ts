// One signature, one image, one set of trusted signers: is it good.
import { errnoOf, messageOf } from '../lib/errors.ts';
import type { Digest } from '../lib/ids.ts';
import { oneLine } from './certificates.ts';
import { verifyBundle, verifyPayload } from './cosign.ts';
import { keyId } from './keys.ts';
import { verifyEnvelope } from './notation.ts';
import { BadSignature, type Evidence, formatOf, type TrustedSigners, type Verdict } from './signature.ts';

export async function judge(
  evidence: Evidence,
  digest: Digest,
  trusted: TrustedSigners,
  now = new Date(),
): Promise<Verdict> {
  const format = formatOf(evidence);
  try {
    if (evidence.kind === 'notation') {
      const { leaf, warnings } = await verifyEnvelope(evidence, digest, trusted, now);
      return { valid: true, format, signer: oneLine(leaf.subject), keyId: keyId(leaf.publicKey), warnings };
    }
    const { name, id } =
      evidence.kind === 'bundle'
        ? await verifyBundle(evidence.bundle, digest, trusted.keys)
        : await verifyPayload(evidence, digest, trusted.keys);
    return { valid: true, format, signer: name, keyId: id, warnings: [] };
  } catch (error) {
    // What the cryptographic library can't read is bad, too, and must not keep a good one from being seen.
    const isUnreadable = errnoOf(error)?.startsWith('ERR_') === true;
    if (!(error instanceof BadSignature) && !isUnreadable) throw error;
    return { valid: false, format, reason: isUnreadable ? `it is malformed (${messageOf(error)})` : messageOf(error) };
  }
}
