// An image as one OCI archive (a tar of an OCI layout), as `docker load` reads it. The same input gives the same bytes.
import { type Digest, sha256 } from '../../../lib/ids.ts';
import type { ByteSource } from '../../../lib/streams.ts';
import { type TarInput, tarEntry, writeTar } from '../../../lib/tar/writer.ts';

export interface PlatformImage {
  os: string;
  architecture: string;
  variant?: string;
  /** RFC 3339. */
  created: string;
  /** What the container runs, as in an OCI image's `config`. */
  config: Readonly<Record<string, unknown>>;
  /** Lowest first. */
  layers: readonly Layer[];
}

/** An uncompressed tar archive; a large one is read when its turn comes. */
export type Layer = Uint8Array | LargeLayer;

export interface LargeLayer {
  digest: Digest;
  size: number;
  content(): ByteSource;
}

interface Descriptor {
  mediaType: string;
  digest: Digest;
  size: number;
  platform?: { os: string; architecture: string; variant?: string };
  annotations?: Record<string, string>;
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar';

/** `name` is a full reference: docker.io/library/busybox:latest. Several platforms become an index. */
export function ociArchive(name: string, platforms: readonly PlatformImage[]): ByteSource {
  const blobs = new Map<Digest, Layer>();
  const manifests = platforms.map(platform => manifestOf(platform));
  const only = manifests.length === 1 ? manifests[0] : undefined;
  const top = only ?? addJson(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests });
  const annotations = {
    'io.containerd.image.name': name,
    'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
  };
  const index = { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...top, annotations }] };
  const directory = (path: string): TarInput => ({ entry: tarEntry({ name: path, kind: 'directory' }) });
  return writeTar([
    file('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' })),
    file('index.json', JSON.stringify(index)),
    directory('blobs'),
    directory('blobs/sha256'),
    ...[...blobs].map(([digest, content]) => file(`blobs/sha256/${digest.slice('sha256:'.length)}`, content)),
  ]);

  function manifestOf({ os, architecture, variant, created, config, layers }: PlatformImage): Descriptor {
    const platform = { os, architecture, ...(variant && { variant }) };
    const descriptors = layers.map(layer => (layer instanceof Uint8Array ? add(LAYER, layer) : addLarge(layer)));
    const configuration = addJson(CONFIG, {
      created,
      ...platform,
      config,
      rootfs: { type: 'layers', diff_ids: descriptors.map(({ digest }) => digest) },
      history: layers.map(() => ({ created, created_by: 'dockyard' })),
    });
    const manifest = { schemaVersion: 2, mediaType: MANIFEST, config: configuration, layers: descriptors };
    return { ...addJson(MANIFEST, manifest), platform };
  }

  function addJson(mediaType: string, content: object): Descriptor {
    return add(mediaType, Buffer.from(JSON.stringify(content)));
  }

  function addLarge(layer: LargeLayer): Descriptor {
    const { digest, size } = layer;
    blobs.set(digest, layer);
    return { mediaType: LAYER, digest, size };
  }

  function add(mediaType: string, content: Uint8Array): Descriptor {
    const digest = sha256(content);
    blobs.set(digest, content);
    return { mediaType, digest, size: content.length };
  }
}

function file(name: string, content: string | Layer): TarInput {
  if (typeof content === 'object' && 'content' in content) {
    return { entry: tarEntry({ name, kind: 'file', size: content.size }), body: content.content() };
  }
  const body = Buffer.from(content);
  return { entry: tarEntry({ name, kind: 'file', size: body.length }), body };
}
