import { canonicalName, isNameOnly, parseReference, type Reference, withDefaultTag } from '../../../lib/reference.ts';
import type { Cli } from '../../framework/cli.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { type Pushed, pushImage } from '../../framework/push.ts';
import { contentTrustWanted, disableContentTrust } from '../../options/content-trust.ts';
import { platformQuery } from '../../options/platform.ts';
import type { SigningKey } from '../../trust/key-store.ts';

export const command = defineCommand({
  usage: '[OPTIONS] NAME[:TAG]',
  summary: 'Send an image to a registry',
  arguments: exactly(1),
  flags: {
    'all-tags': { type: 'bool', short: 'a', summary: 'Send every tag of the repository' },
    'disable-content-trust': disableContentTrust,
    platform: { type: 'string', since: '1.46', summary: 'Send only this platform of it (os[/arch[/variant]])' },
    quiet: { type: 'bool', short: 'q', summary: 'Show no progress' },
    sign: { type: 'bool', summary: 'Sign what was sent (a Dockyard engine is needed)' },
    'sign-key': { type: 'string', summary: 'Key to sign with: a name of "docker trust key", or a file' },
  },
  async run(cli, flags, [name = '']) {
    const { 'all-tags': all, quiet } = flags;
    const platform = platformQuery(flags.platform);
    const given = parseReference(name);
    if (given.digest !== undefined) throw new ExitError(1, 'cannot push a digest reference');
    if (all && !isNameOnly(given)) throw new ExitError(1, "tag can't be used with --all-tags/-a");
    const reference = all ? given : withDefaultTag(given);
    const key =
      flags.sign || flags['sign-key'] !== '' || contentTrustWanted(flags)
        ? await signingKey(cli, flags['sign-key'])
        : undefined;
    if (platform !== undefined)
      note(cli, 'Only this platform of the image is sent; its index and attestations are not.');
    if (!quiet && reference !== given) cli.out.line(`Using default tag: ${reference.tag}`);
    const { pushed, remarks } = await pushImage(cli, await cli.client(), reference, { quiet, platform });
    if (key) await signAll(cli, reference, pushed, key, quiet);
    if (quiet) cli.out.line(canonicalName(reference));
    for (const text of remarks.flatMap(noteOf)) note(cli, text);
  },
});

/** Before anything is sent: without a key nothing should be. */
async function signingKey(cli: Cli, wanted: string): Promise<SigningKey> {
  const [{ openKey }, { checkCanSign }] = await Promise.all([
    import('../../trust/key-store.ts'),
    import('../../trust/sign.ts'),
  ]);
  await checkCanSign(cli, await cli.client());
  return openKey(cli, wanted);
}

async function signAll(cli: Cli, reference: Reference, pushed: readonly Pushed[], key: SigningKey, quiet: boolean) {
  const [{ signImage }, { distribution }, { registryAuth }] = await Promise.all([
    import('../../trust/sign.ts'),
    import('../../../client/images.ts'),
    import('../../framework/credentials.ts'),
  ]);
  const client = await cli.client();
  const { domain, path } = reference;
  const auth = await registryAuth(cli, domain);
  for (const { Tag, Digest } of pushed) {
    const { Descriptor } = await distribution(client, `${domain}/${path}@${Digest}`, auth);
    await signImage(cli, client, reference, Descriptor, key);
    if (!quiet) cli.out.line(`${Tag}: signed ${Digest}`);
  }
}

interface PushNote {
  manifestPushedInsteadOfIndex?: boolean;
  originalIndex?: { digest?: string };
  selectedManifest?: { digest?: string };
  contentMissing?: boolean;
}

/** What the engine did otherwise than asked, because parts of the image are not here. */
function noteOf(aux: unknown): string[] {
  if (typeof aux !== 'object' || aux === null) return [];
  const { manifestPushedInsteadOfIndex, originalIndex, selectedManifest, contentMissing }: PushNote = aux;
  if (manifestPushedInsteadOfIndex) {
    return [
      `Not all platforms of the image are here; only the one that is was sent:\n${originalIndex?.digest} -> ${selectedManifest?.digest}`,
    ];
  }
  if (contentMissing) {
    return [
      'Some platforms of the image are neither here nor in the registry. Fetch them, or choose one with --platform.',
    ];
  }
  return [];
}

function note(cli: Cli, text: string): void {
  const [first, ...rest] = text.split('\n');
  cli.out.line(['', ` Info -> ${first}`, ...rest.map(line => `         ${line}`)].join('\n'));
}
