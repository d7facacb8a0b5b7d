import { inspect, type Report, type ReportedSignature } from '../../../client/trust.ts';
import { canonicalName, familiarName, parseReference, type Reference, withDefaultTag } from '../../../lib/reference.ts';
import type { Cli } from '../../framework/cli.ts';
import { atLeast, defineCommand } from '../../framework/command.ts';
import { registryAuth } from '../../framework/credentials.ts';
import { ExitError } from '../../framework/errors.ts';
import { checkCanSign } from '../../trust/sign.ts';

export const command = defineCommand({
  usage: '[OPTIONS] IMAGE[:TAG] [IMAGE[:TAG]...]',
  summary: 'Show the signatures of images in their registries, and what the trust policy makes of them',
  arguments: atLeast(1),
  flags: {
    pretty: { type: 'bool', summary: 'For people to read' },
  },
  async run(cli, flags, names) {
    await checkCanSign(cli, await cli.client());
    const all: object[] = [];
    for (const name of names) {
      const reference = withDefaultTag(parseReference(name));
      const report = await reportOn(cli, reference);
      if (report.signatures.length === 0) throw new ExitError(1, `no signatures for ${familiarName(reference)}`);
      if (flags.pretty) cli.out.write(prettyText(reference, report));
      else all.push(jsonOf(reference, report));
    }
    if (!flags.pretty) cli.out.line(JSON.stringify(all, null, 4));
  },
});

async function reportOn(cli: Cli, reference: Reference): Promise<Report> {
  const auth = await registryAuth(cli, reference.domain);
  return inspect(await cli.client(), canonicalName(reference), auth);
}

type Valid = Extract<ReportedSignature, { valid: true }>;

const validOnes = ({ signatures }: Report) => signatures.filter((each): each is Valid => each.valid);

/** Docker's fields, and what is more here. */
function jsonOf(reference: Reference, report: Report): object {
  const valid = validOnes(report);
  const signers = [...new Set(valid.map(({ signer }) => signer))];
  const keysOf = (name: string) => [
    ...new Set(valid.filter(({ signer }) => signer === name).map(({ keyId }) => keyId)),
  ];
  return {
    Name: familiarName(reference),
    SignedTags:
      valid.length === 0
        ? []
        : [{ SignedTag: reference.tag ?? '', Digest: report.digest.slice('sha256:'.length), Signers: signers }],
    Signers: signers.map(name => ({ Name: name, Keys: keysOf(name).map(ID => ({ ID })) })),
    AdministrativeKeys: [],
    Policy: { Mode: report.mode, Repositories: report.pattern },
    Signatures: report.signatures.map(each =>
      each.valid
        ? { Format: each.format, Valid: true, Signer: each.signer, KeyID: each.keyId, Warnings: each.warnings }
        : { Format: each.format, Valid: false, Reason: each.reason },
    ),
  };
}

function prettyText(reference: Reference, report: Report): string {
  const rule = report.pattern === '' ? 'no rule names it' : report.pattern;
  const lines = [
    `Signatures of ${familiarName(reference)}`,
    `  digest   ${report.digest}`,
    `  policy   ${report.mode} (${rule})`,
    ...report.signatures.map(each =>
      each.valid
        ? `  good     ${each.format}, by ${each.signer} (key ${each.keyId.slice(0, 12)})`
        : `  no good  ${each.format}: ${each.reason}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}
