import { canonicalName } from '../../../lib/reference.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { referenceOf } from '../../manifest/remote.ts';
import { ManifestStore } from '../../manifest/store.ts';

export const command = defineCommand({
  usage: 'MANIFEST_LIST [MANIFEST_LIST...]',
  summary: 'Forget lists that were put together here',
  arguments: atLeast(1),
  flags: {},
  async run(cli, _flags, names) {
    const store = new ManifestStore(cli.configDirectory);
    const missing: string[] = [];
    for (const list of names.map(referenceOf)) {
      if (!(await store.remove(list))) missing.push(`No such manifest: ${canonicalName(list)}`);
    }
    if (missing.length > 0) throw new ExitError(1, missing.join('\n'));
  },
});
