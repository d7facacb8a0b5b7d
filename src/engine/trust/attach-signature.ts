// A signature goes beside its image into the registry: as an artifact that refers to it, and, of cosign's kind, also under the
// tag at which cosign looks.
import { type Descriptor, MEDIA_TYPES } from '../../content/oci.ts';
import { type Digest, sha256 } from '../../lib/ids.ts';
import { RegistryFailure } from '../../registry/failures.ts';
import { type Repository, referrersTag } from '../../registry/repository.ts';
import { COSIGN, signatureTag } from '../../signatures/cosign.ts';
import { NOTATION, thumbprintsOf } from '../../signatures/notation.ts';
import type { NewEvidence } from './trust.ts';

const EMPTY = Buffer.from('{}');
const CREATED = 'org.opencontainers.image.created';

export async function attachSignature(
  repository: Repository,
  subject: Descriptor,
  evidence: NewEvidence,
  signal: AbortSignal,
): Promise<Digest> {
  const { mediaType, digest, size } = subject;
  const about = { subject: { mediaType, digest, size } };
  if (evidence.kind === 'notation') {
    const layer = await upload(repository, evidence.mediaType, Buffer.from(evidence.envelope, 'base64'), signal);
    return putArtifact(
      repository,
      {
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.manifest,
        artifactType: NOTATION.artifact,
        config: await upload(repository, MEDIA_TYPES.empty, EMPTY, signal),
        layers: [layer],
        ...about,
        annotations: { [CREATED]: now(), [NOTATION.thumbprints]: thumbprintsOf(evidence) },
      },
      undefined,
      signal,
    );
  }
  const layer = await upload(repository, COSIGN.payload, Buffer.from(evidence.payload, 'base64'), signal);
  const signed = { ...layer, annotations: { [COSIGN.signature]: evidence.signature } };
  const tag = signatureTag(digest);
  const before = (await layersOf(repository, tag, signal)).filter(each => !isSame(each, signed));
  const config = configOf([...before, signed]);
  return putArtifact(
    repository,
    {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.manifest,
      artifactType: COSIGN.artifact,
      config: await upload(repository, MEDIA_TYPES.config, Buffer.from(JSON.stringify(config)), signal),
      layers: [...before, signed],
      ...about,
    },
    tag,
    signal,
  );
}

const now = () => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

const isSame = (one: Descriptor, other: Descriptor) =>
  one.digest === other.digest && one.annotations?.[COSIGN.signature] === other.annotations?.[COSIGN.signature];

/** cosign reads its artifacts as images, and those have a config. */
function configOf(layers: readonly Descriptor[]): object {
  return {
    architecture: '',
    created: '0001-01-01T00:00:00Z',
    history: layers.map(() => ({ created: '0001-01-01T00:00:00Z' })),
    os: '',
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    config: {},
  };
}

/** What others have signed already stays. */
async function layersOf(repository: Repository, tag: string, signal: AbortSignal): Promise<Descriptor[]> {
  try {
    const { content } = await repository.manifest(tag, signal);
    return content.kind === 'manifest' ? content.layers : [];
  } catch (error) {
    if (error instanceof RegistryFailure && error.status === 404) return [];
    throw error;
  }
}

async function upload(
  repository: Repository,
  mediaType: string,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<Descriptor> {
  const digest = sha256(bytes);
  async function* content(start: number) {
    yield bytes.subarray(start);
  }
  await repository.putBlob({ digest, size: bytes.length }, content, { signal });
  return { mediaType, digest, size: bytes.length };
}

interface ArtifactManifest {
  mediaType: string;
  artifactType: string;
  subject: Descriptor;
  annotations?: Record<string, string>;
}

async function putArtifact(
  repository: Repository,
  manifest: ArtifactManifest & Record<string, unknown>,
  tag: string | undefined,
  signal: AbortSignal,
): Promise<Digest> {
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = sha256(bytes);
  const noted = await repository.putManifest(tag ?? digest, manifest.mediaType, bytes, signal);
  const { mediaType, artifactType, annotations } = manifest;
  if (!noted) {
    const referrer = { mediaType, digest, size: bytes.length, artifactType, ...(annotations && { annotations }) };
    await changeReferrersTag(repository, manifest.subject.digest, all => [...all, referrer], signal);
  }
  return digest;
}

/** Registries without the referrers API: their clients keep the list. Two at once may lose one; the specification says so. */
export async function changeReferrersTag(
  repository: Repository,
  subject: Digest,
  change: (referrers: Descriptor[]) => Descriptor[],
  signal: AbortSignal,
): Promise<void> {
  const before = await repository.taggedReferrers(subject, signal);
  const after = [...new Map(change(before).map(each => [each.digest, each])).values()];
  if (JSON.stringify(after) === JSON.stringify(before)) return;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: after }));
  await repository.putManifest(referrersTag(subject), MEDIA_TYPES.index, bytes, signal);
}
