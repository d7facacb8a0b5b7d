// Signatures of an image as they lie in its registry: artifacts that refer to it, and the tag that cosign uses.
import type { Descriptor, Manifest } from '../../content/oci.ts';
import { isKind } from '../../lib/errors.ts';
import type { Digest } from '../../lib/ids.ts';
import { collectBounded } from '../../lib/streams.ts';
import { RegistryFailure } from '../../registry/failures.ts';
import type { Repository } from '../../registry/repository.ts';
import { COSIGN, signatureTag } from '../../signatures/cosign.ts';
import { NOTATION } from '../../signatures/notation.ts';
import type { Evidence } from '../../signatures/signature.ts';

const MAX_ENVELOPE = 1024 * 1024;
/** Anybody who may push can add some: there must be an end. */
const MAX_SIGNATURES = 100;

export interface FoundSignature {
  /** The artifact that holds it. */
  artifact: Digest;
  evidence: Evidence;
}

export async function findSignatures(
  repository: Repository,
  subject: Digest,
  signal: AbortSignal,
): Promise<FoundSignature[]> {
  const seen = new Set<string>();
  const found: FoundSignature[] = [];
  for await (const manifest of artifacts(repository, subject, signal)) {
    for (const layer of manifest.content.layers) {
      // cosign's tag and its referrer may hold the same.
      const key = `${layer.digest} ${layer.annotations?.[COSIGN.signature] ?? ''}`;
      if (seen.has(key) || seen.size >= MAX_SIGNATURES) continue;
      seen.add(key);
      const evidence = await evidenceIn(repository, layer, signal);
      if (evidence) found.push({ artifact: manifest.digest, evidence });
    }
  }
  return found;
}

interface Artifact {
  digest: Digest;
  content: Manifest;
}

export function isSignatureType(artifactType: string): boolean {
  return artifactType === NOTATION.artifact || artifactType === COSIGN.artifact || COSIGN.bundle.test(artifactType);
}

export async function* artifacts(
  repository: Repository,
  subject: Digest,
  signal: AbortSignal,
): AsyncGenerator<Artifact> {
  const referrers = await repository.referrers(subject, signal);
  for (const { digest, artifactType } of referrers.slice(0, MAX_SIGNATURES)) {
    if (artifactType !== undefined && !isSignatureType(artifactType)) continue;
    const manifest = await manifestIfThere(repository, digest, signal);
    // The list is only what the registry says; the artifact itself is what counts.
    if (manifest?.content.subject?.digest === subject) yield manifest;
  }
  const tagged = await manifestIfThere(repository, signatureTag(subject), signal);
  if (tagged) yield tagged;
}

async function manifestIfThere(
  repository: Repository,
  reference: string,
  signal: AbortSignal,
): Promise<Artifact | undefined> {
  try {
    const { descriptor, content } = await repository.manifest(reference, signal);
    return content.kind === 'manifest' ? { digest: descriptor.digest, content } : undefined;
  } catch (error) {
    // One that is gone or malformed must not hide those that are good.
    if ((error instanceof RegistryFailure && error.status === 404) || isKind(error, 'invalid')) return undefined;
    throw error;
  }
}

async function evidenceIn(
  repository: Repository,
  layer: Descriptor,
  signal: AbortSignal,
): Promise<Evidence | undefined> {
  const { mediaType, annotations = {} } = layer;
  const isBundle = COSIGN.bundle.test(mediaType);
  const isNotation = mediaType === NOTATION.jws || mediaType === NOTATION.cose;
  const signature = annotations[COSIGN.signature];
  if (!isBundle && !isNotation && (mediaType !== COSIGN.payload || signature === undefined)) return undefined;
  const content = await contentOf(repository, layer, signal);
  if (!content) return undefined;
  if (isBundle) return { kind: 'bundle', bundle: content.toString() };
  if (isNotation) return { kind: 'notation', mediaType, envelope: content.toString('base64') };
  return {
    kind: 'cosign',
    payload: content.toString('base64'),
    signature: signature!,
    keyless: annotations[COSIGN.certificate] !== undefined,
  };
}

/** Not checked against its digest: what is signed is checked by its signature. */
async function contentOf(repository: Repository, { digest, size }: Descriptor, signal: AbortSignal) {
  if (size > MAX_ENVELOPE) return undefined;
  try {
    return await collectBounded((await repository.blob(digest, 0, signal)).body, MAX_ENVELOPE);
  } catch (error) {
    if ((error instanceof RegistryFailure && error.status === 404) || isKind(error, 'invalid')) return undefined;
    throw error;
  }
}
