// What tests build content from.
import { gzipSync } from 'node:zlib';
import { type Digest, sha256 } from '../../lib/ids.ts';
import { collect } from '../../lib/streams.ts';
import { type PartialTarEntry, tarEntry, writeTar } from '../../lib/tar/writer.ts';
import { type Descriptor, MEDIA_TYPES } from '../oci.ts';

export type TestFile = PartialTarEntry & { content?: string };

function tarOf(...files: TestFile[]): Promise<Buffer> {
  return collect(
    writeTar(
      files.map(({ content = '', ...entry }) => {
        const body = Buffer.from(content);
        return { entry: tarEntry({ size: body.length, ...entry }), body };
      }),
    ),
  );
}

export interface TestLayer {
  bytes: Buffer;
  descriptor: Descriptor;
  diffId: Digest;
}

/** A packed layer with these files: name to content. */
export async function testLayer(files: Readonly<Record<string, string>>): Promise<TestLayer> {
  const plain = await tarOf(
    ...Object.entries(files).map(([name, content]) => ({ name, kind: 'file' as const, content })),
  );
  const bytes = gzipSync(plain);
  return {
    bytes,
    diffId: sha256(plain),
    descriptor: { mediaType: MEDIA_TYPES.layerGzip, digest: sha256(bytes), size: bytes.length },
  };
}

export interface TestImage {
  /** All blobs, the manifest's included. */
  blobs: Map<Digest, Buffer>;
  target: Descriptor;
  layers: readonly TestLayer[];
}

/** An image of one platform. */
export async function testImage(
  layers: readonly Readonly<Record<string, string>>[],
  config: Readonly<Record<string, unknown>> = {},
): Promise<TestImage> {
  return imageOf(await Promise.all(layers.map(testLayer)), config);
}

/** A layer that is not packed. */
export function plainLayer(bytes: Buffer): TestLayer {
  const digest = sha256(bytes);
  return { bytes, diffId: digest, descriptor: { mediaType: MEDIA_TYPES.layer, digest, size: bytes.length } };
}

/** An image of layers that are there already. */
export function imageOf(made: readonly TestLayer[], config: Readonly<Record<string, unknown>> = {}): TestImage {
  const blobs = new Map<Digest, Buffer>(made.map(({ bytes, descriptor }) => [descriptor.digest, bytes]));
  const add = (mediaType: string, content: object): Descriptor => {
    const bytes = Buffer.from(JSON.stringify(content));
    blobs.set(sha256(bytes), bytes);
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  };
  const configuration = add(MEDIA_TYPES.config, {
    architecture: 'amd64',
    os: 'linux',
    created: '2024-01-01T00:00:00Z',
    rootfs: { type: 'layers', diff_ids: made.map(({ diffId }) => diffId) },
    config: { Cmd: ['/true'] },
    ...config,
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: configuration,
    layers: made.map(({ descriptor }) => descriptor),
  };
  return { blobs, target: add(MEDIA_TYPES.manifest, manifest), layers: made };
}
