// Signatures of an image as they lie in its registry: artifacts that refer to it, and the tag that cosign uses.
import { type Descriptor, type Manifest, MEDIA_TYPES } from '../../content/oci.ts';
import { isKind } from '../../lib/errors.ts';
import type { Digest } from '../../lib/ids.ts';
import { RegistryFailure } from '../../registry/failures.ts';
import type { Repository } from '../../registry/repository.ts';
import { COSIGN, signatureTag } from '../../signatures/cosign.ts';
import { NOTATION } from '../../signatures/notation.ts';
import type { Evidence } from '../../signatures/signature.ts';

/** Ten times what real ones have: chain, timestamp and all. */
const MAX_ENVELOPE = 128 * 1024;
/** Anybody who may push can add some: there must be an end. */
const MAX_SIGNATURES = 100;

/** One artifact, and the signatures in it. */
export interface SignedArtifact {
  digest: Digest;
  evidence: Evidence[];
}

/** Each once, though cosign's tag and its referrer may hold the same. */
export async function findSignatures(
  repository: Repository,
  subject: Digest,
  signal: AbortSignal,
): Promise<Evidence[]> {
  const found = new Map<string, Evidence>();
  for (const { evidence } of await signedArtifacts(repository, subject, signal)) {
    for (const each of evidence) found.set(JSON.stringify(each), each);
  }
  return [...found.values()];
}

export async function signedArtifacts(
  repository: Repository,
  subject: Digest,
  signal: AbortSignal,
): Promise<SignedArtifact[]> {
  const found: SignedArtifact[] = [];
  let layersLeft = MAX_SIGNATURES;
  for await (const { digest, content } of artifacts(repository, subject, signal)) {
    const evidence: Evidence[] = [];
    for (const layer of content.layers.slice(0, layersLeft)) {
      layersLeft--;
      const each = await evidenceIn(repository, layer, signal);
      if (each) evidence.push(each);
    }
    if (evidence.length > 0) found.push({ digest, evidence });
  }
  return found;
}

interface Artifact {
  digest: Digest;
  content: Manifest;
}

/** By what a list of referrers says. cosign itself, where it keeps that list, gives the config's type instead. */
function mayBeSignature({ artifactType }: Descriptor): boolean {
  if (artifactType === undefined || artifactType === MEDIA_TYPES.empty) return true;
  return artifactType === NOTATION.artifact || artifactType === COSIGN.artifact || COSIGN.bundle.test(artifactType);
}

async function* artifacts(repository: Repository, subject: Digest, signal: AbortSignal): AsyncGenerator<Artifact> {
  const referrers = await repository.referrers(subject, signal);
  for (const { digest } of referrers.filter(mayBeSignature).slice(0, MAX_SIGNATURES)) {
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
    return await repository.smallBlob(digest, MAX_ENVELOPE, signal);
  } catch (error) {
    if ((error instanceof RegistryFailure && error.status === 404) || isKind(error, 'invalid')) return undefined;
    throw error;
  }
}
