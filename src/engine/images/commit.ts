// docker commit: a container's writable layer and its configuration become an image on top of the container's own.

import type { Descriptor, ImageConfigFile, Manifest } from '../../content/oci.ts';
import { packLayer } from '../../content/pack/packer.ts';
import { stackOf } from '../../content/stack.ts';
import type { Lease } from '../../content/store.ts';
import { notFound } from '../../lib/errors.ts';
import type { Digest } from '../../lib/ids.ts';
import { hostPlatform } from '../../lib/platform.ts';
import { canonicalName, familiarName, repoTagReference } from '../../lib/reference.ts';
import type { ContainerConfig, ImageConfig } from '../../wire/types.ts';
import { applyChanges } from './changes.ts';
import { type ImageContext, publishImage } from './context.ts';
import type { CommitImageRequest } from './images.ts';
import { derivedConfig, storeImage } from './make.ts';
import { platformOf } from './resolve.ts';

export async function commitImage(context: ImageContext, request: CommitImageRequest): Promise<Digest> {
  const reference = repoTagReference(request.repository, request.tag);
  const config = applyChanges(imageConfigOf(request.config, request.override), request.changes);
  using lease = context.content.lease();
  const base = request.manifest === '' ? undefined : baseOf(context, request.manifest, lease);
  const packed = await packLayer(context.content, request.upperDirectory, lease);
  const { empty, descriptor, diffId } = packed;
  const now = new Date().toISOString();
  const author = request.author || (base?.config.author ?? '');
  const target = await storeImage(
    context,
    {
      config: derivedConfig(base?.config, base ? platformOf(base.config) : hostPlatform(), {
        ...(!empty && { diffId }),
        author,
        config,
        history: {
          created: now,
          created_by: (request.config.Cmd ?? []).join(' '),
          ...(author && { author }),
          ...(request.comment && { comment: request.comment }),
          ...(empty && { empty_layer: true }),
        },
      }),
      layers: [...(base?.manifest.layers ?? []), ...(empty ? [] : [descriptor])],
    },
    lease,
  );
  await unpackNew(context, target, lease);
  context.records.put(target, reference && canonicalName(reference), request.base || undefined);
  if (reference) publishImage(context, 'tag', target.digest, familiarName(reference));
  return target.digest;
}

/** So that the first container of a new image need not wait. */
async function unpackNew(context: ImageContext, target: Descriptor, lease: Lease): Promise<void> {
  const { manifests } = context.content;
  const manifest = manifests.imageManifest(target.digest);
  await context.stacks.build(stackOf(manifest, manifests.config(manifest.config.digest)), lease);
}

function baseOf(context: ImageContext, digest: Digest, lease: Lease): { manifest: Manifest; config: ImageConfigFile } {
  const { manifests } = context.content;
  const manifest = manifests.manifestIfPresent(digest);
  const config = manifest?.kind === 'manifest' ? manifests.configIfPresent(manifest.config.digest) : undefined;
  if (manifest?.kind !== 'manifest' || !config) throw notFound(`the image under the container (${digest}) is gone`);
  for (const { digest: layer } of manifest.layers) lease.blobs.add(layer);
  return { manifest, config };
}

/** What an image keeps of a container's configuration; the client may have replaced parts of it. */
function imageConfigOf(config: ContainerConfig, override: ContainerConfig | undefined): ImageConfig {
  const merged = override ? mergeOver(override, config) : config;
  const kept: ImageConfig = {};
  const put = <K extends keyof ImageConfig>(key: K, value: ImageConfig[K] | undefined) => {
    const empty = value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);
    if (!empty) kept[key] = value;
  };
  put('User', merged.User);
  put('ExposedPorts', merged.ExposedPorts);
  put('Env', merged.Env);
  put('Cmd', merged.Cmd ?? undefined);
  put('Healthcheck', merged.Healthcheck);
  put('ArgsEscaped', merged.ArgsEscaped);
  put('Volumes', merged.Volumes ?? undefined);
  put('WorkingDir', merged.WorkingDir);
  put('Entrypoint', merged.Entrypoint ?? undefined);
  put('OnBuild', merged.OnBuild);
  put('Labels', merged.Labels);
  put('StopSignal', merged.StopSignal);
  put('Shell', merged.Shell);
  return kept;
}

/** The container's configuration fills in what the client left out; lists and maps of both are put together. */
function mergeOver(override: ContainerConfig, base: ContainerConfig): ContainerConfig {
  const names = new Set((override.Env ?? []).map(each => each.split('=', 1)[0]));
  const env = [...(override.Env ?? []), ...(base.Env ?? []).filter(each => !names.has(each.split('=', 1)[0]))];
  const hasCommand = (override.Entrypoint?.length ?? 0) > 0;
  return {
    ...base,
    User: override.User || base.User,
    ExposedPorts: { ...base.ExposedPorts, ...override.ExposedPorts },
    Env: env,
    // A new entrypoint makes the old command meaningless.
    Entrypoint: hasCommand ? override.Entrypoint : base.Entrypoint,
    Cmd: override.Cmd?.length ? override.Cmd : hasCommand ? undefined : base.Cmd,
    Healthcheck: override.Healthcheck ?? base.Healthcheck,
    Volumes: { ...base.Volumes, ...override.Volumes },
    WorkingDir: override.WorkingDir || base.WorkingDir,
    Labels: { ...base.Labels, ...override.Labels },
    StopSignal: override.StopSignal || base.StopSignal,
    OnBuild: override.OnBuild ?? base.OnBuild,
    Shell: override.Shell ?? base.Shell,
  };
}
