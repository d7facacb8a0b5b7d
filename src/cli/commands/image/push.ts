import { push } from '../../../client/images.ts';
import {
  canonicalName,
  familiarRepository,
  isNameOnly,
  parseReference,
  withDefaultTag,
} from '../../../lib/reference.ts';
import type { Cli } from '../../framework/cli.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { registryAuth } from '../../framework/credentials.ts';
import { ExitError } from '../../framework/errors.ts';
import { showProgress } from '../../framework/progress.ts';
import { platformQuery } from '../../options/platform.ts';
import { isTerminal, windowSize } from '../../stdio/terminal.ts';

export const command = defineCommand({
  usage: '[OPTIONS] NAME[:TAG]',
  summary: 'Send an image to a registry',
  arguments: exactly(1),
  flags: {
    'all-tags': { type: 'bool', short: 'a', summary: 'Send every tag of the repository' },
    platform: { type: 'string', since: '1.46', summary: 'Send only this platform of it (os[/arch[/variant]])' },
    quiet: { type: 'bool', short: 'q', summary: 'Show no progress' },
  },
  async run(cli, flags, [name = '']) {
    const { 'all-tags': all, quiet } = flags;
    const platform = platformQuery(flags.platform);
    const given = parseReference(name);
    if (all && !isNameOnly(given)) throw new ExitError(1, "tag can't be used with --all-tags/-a");
    const reference = all ? given : withDefaultTag(given);
    if (platform !== undefined)
      note(cli, 'Only this platform of the image is sent; its index and attestations are not.');
    if (!quiet && reference !== given) cli.out.line(`Using default tag: ${reference.tag}`);
    const notes: string[] = [];
    const progress = await push(await cli.client(), familiarRepository(reference), {
      tag: reference.digest ?? reference.tag,
      platform,
      registryAuth: await registryAuth(cli, reference.domain),
    });
    await showProgress(progress, cli.out, {
      quiet,
      columns: !quiet && isTerminal(1) ? (windowSize(1)?.columns ?? 200) : undefined,
      onAux: aux => notes.push(...noteOf(aux)),
    });
    if (quiet) cli.out.line(canonicalName(reference));
    for (const text of notes) note(cli, text);
  },
});

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
