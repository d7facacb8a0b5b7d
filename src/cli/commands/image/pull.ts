import { canonicalName, isNameOnly, parseReference, withDefaultTag } from '../../../lib/reference.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { pullImage } from '../../framework/pull.ts';
import { contentTrustWanted, disableContentTrust } from '../../options/content-trust.ts';
import { defaultPlatform } from '../../options/platform.ts';

export const command = defineCommand({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  summary: 'Fetch an image from a registry',
  arguments: exactly(1),
  flags: {
    'all-tags': { type: 'bool', short: 'a', summary: 'Fetch every tag of the repository' },
    'disable-content-trust': disableContentTrust,
    platform: { type: 'string', summary: 'Platform to fetch (os[/arch[/variant]])' },
    quiet: { type: 'bool', short: 'q', summary: 'Show no progress' },
  },
  async run(cli, flags, [name = '']) {
    const { 'all-tags': all, quiet } = flags;
    const given = parseReference(name);
    if (all && !isNameOnly(given)) throw new ExitError(1, "tag can't be used with --all-tags/-a");
    const reference = all ? given : withDefaultTag(given);
    if (!quiet && reference !== given) cli.out.line(`Using default tag: ${reference.tag}`);
    const platform = flags.platform || defaultPlatform();
    const client = await cli.client();
    const headers = contentTrustWanted(flags)
      ? await (await import('../../framework/content-trust.ts')).signatureRequired(cli, client)
      : {};
    await pullImage(cli, client, name, { out: cli.out, quiet, platform, all, headers });
    cli.out.line(canonicalName(reference));
  },
});
