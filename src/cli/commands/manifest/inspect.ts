import { listDocument } from '../../../registry/image-manifests.ts';
import type { Cli } from '../../framework/cli.ts';
import { between, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { referenceOf, remoteImages } from '../../manifest/remote.ts';
import { ManifestStore, type NamedImage, shown } from '../../manifest/store.ts';
import { insecureFlag } from '../../options/insecure.ts';

export const command = defineCommand({
  usage: '[OPTIONS] [MANIFEST_LIST] MANIFEST',
  summary: 'Show an image as its registry describes it, or a list',
  arguments: between(1, 2),
  flags: {
    insecure: insecureFlag,
    verbose: { type: 'bool', short: 'v', summary: 'With layers and platforms' },
  },
  async run(cli, flags, names) {
    const store = new ManifestStore(cli.configDirectory);
    const found = await find(cli, store, names, flags.insecure);
    if (flags.verbose) {
      const content = Array.isArray(found) ? found.map(shown) : shown(found);
      cli.out.line(JSON.stringify(content, null, '\t'));
    } else if (Array.isArray(found)) {
      cli.out.line(listDocument(found.map(({ descriptor }) => descriptor)).bytes.toString());
    } else {
      cli.out.line(JSON.stringify(JSON.parse(found.bytes.toString()), null, '\t'));
    }
  },
});

/** What is being put together here comes before what the registry has under the same name. */
async function find(
  cli: Cli,
  store: ManifestStore,
  names: readonly string[],
  insecure: boolean,
): Promise<NamedImage | NamedImage[]> {
  const [first, second] = names.map(referenceOf);
  if (!second) return (await store.list(first!)) ?? (await remoteImages(cli, first!, insecure));
  const image = await store.image(first!, second);
  if (!image) throw new ExitError(1, `No such manifest: ${names[1]}`);
  return image;
}
