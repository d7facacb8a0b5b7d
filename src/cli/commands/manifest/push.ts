import { canonicalName, parseReference, type Reference, repositoryOf } from '../../../lib/reference.ts';
import { bringOver, listDocument } from '../../../registry/image-manifests.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { openRepository, referenceOf, tagOrDigest } from '../../manifest/remote.ts';
import { ManifestStore, type NamedImage } from '../../manifest/store.ts';
import { insecureFlag } from '../../options/insecure.ts';

export const command = defineCommand({
  usage: '[OPTIONS] MANIFEST_LIST',
  summary: 'Send a list, and what it lists, to its registry',
  arguments: exactly(1),
  flags: {
    insecure: insecureFlag,
    purge: { type: 'bool', short: 'p', summary: 'Remove the list here afterwards' },
  },
  async run(cli, flags, [name]) {
    const list = referenceOf(name!);
    const store = new ManifestStore(cli.configDirectory);
    const images = await store.list(list);
    if (!images) throw new ExitError(1, `No such manifest: ${canonicalName(list)}`);
    const sources = images.map(image => sourceOf(image, list));
    const document = listDocument(images.map(({ descriptor }) => descriptor));
    const access = { insecure: flags.insecure, use: 'push', sources: sources.map(({ path }) => path) } as const;
    const target = await openRepository(cli, list, access);
    for (const [index, image] of images.entries()) {
      const source = await openRepository(cli, sources[index]!, { insecure: flags.insecure, use: 'pull' });
      await bringOver(image, source, target);
      if (sources[index]!.path === list.path) continue;
      const { digest } = image.descriptor;
      cli.out.line(`Pushed ref ${repositoryOf(list)}@${digest} with digest: ${digest}`);
    }
    await target.putManifest(tagOrDigest(list), document.mediaType, document.bytes);
    cli.out.line(document.digest);
    if (flags.purge) await store.remove(list);
  },
});

/** Where an image is; it must be in the list's registry, and say what it is for. */
function sourceOf({ name, descriptor }: NamedImage, list: Reference): Reference {
  const source = parseReference(name);
  if (source.domain !== list.domain) {
    throw new ExitError(
      1,
      `cannot use source images from a different registry than the target image: ${source.domain} != ${list.domain}`,
    );
  }
  if (!descriptor.platform?.os || !descriptor.platform.architecture) {
    const shown = canonicalName(source);
    throw new ExitError(1, `manifest ${shown} must have an OS and Architecture to be pushed to a registry`);
  }
  return source;
}
