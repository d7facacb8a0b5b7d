import { canonicalName } from '../../../lib/reference.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { referenceOf, remoteImage } from '../../manifest/remote.ts';
import { ManifestStore } from '../../manifest/store.ts';
import { insecureFlag } from '../../options/insecure.ts';

export const command = defineCommand({
  usage: 'MANIFEST_LIST MANIFEST [MANIFEST...]',
  summary: 'Begin a list of images, one for each platform',
  arguments: atLeast(2),
  flags: {
    amend: { type: 'bool', short: 'a', summary: 'Add to a list that is there already' },
    insecure: insecureFlag,
  },
  async run(cli, flags, [name, ...images]) {
    const list = referenceOf(name!);
    const store = new ManifestStore(cli.configDirectory);
    if (!flags.amend && (await store.list(list))) {
      throw new ExitError(1, 'refusing to amend an existing manifest list with no --amend flag');
    }
    const references = images.map(referenceOf);
    // All of them are looked up before the first is kept.
    const found = await Promise.all(
      references.map(async image => (await store.image(list, image)) ?? remoteImage(cli, image, flags.insecure)),
    );
    for (const [index, image] of references.entries()) await store.save(list, image, found[index]!);
    cli.out.line(`Created manifest list ${canonicalName(list)}`);
  },
});
