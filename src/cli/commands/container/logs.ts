import * as containers from '../../../client/containers.ts';
import { compareVersions } from '../../../client/version.ts';
import { defineCommand, exactly } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { copyFrames, copyRaw } from '../../stdio/session.ts';

export const command = defineCommand({
  usage: '[OPTIONS] CONTAINER',
  summary: 'Show what a container has printed',
  arguments: exactly(1),
  flags: {
    details: { type: 'bool', summary: 'Show the attributes that were logged, too' },
    follow: { type: 'bool', short: 'f', summary: 'Go on with what comes' },
    since: { type: 'string', summary: 'From then on: a time, or how long ago (42m)' },
    tail: { type: 'string', short: 'n', default: 'all', summary: 'How many of the last lines' },
    timestamps: { type: 'bool', short: 't', summary: 'Show when' },
    until: { type: 'string', summary: 'Before then: a time, or how long ago (42m)' },
  },
  async run(cli, flags, [container = '']) {
    const client = await cli.client();
    const response = await containers.logs(client, container, {
      stdout: true,
      stderr: true,
      follow: flags.follow,
      timestamps: flags.timestamps,
      details: flags.details,
      tail: flags.tail,
      since: await timestamp('since', flags.since),
      until: await timestamp('until', flags.until),
    });
    if (await isRaw(response.headers.get('content-type'))) await copyRaw(response);
    else await copyFrames(response);

    /** Engines before API 1.42 don't say whether there are frames; the container's terminal does. */
    async function isRaw(contentType: string | undefined): Promise<boolean> {
      if (compareVersions(client.version, '1.42') >= 0) return contentType === 'application/vnd.docker.raw-stream';
      return Boolean((await containers.inspect(client, container)).Config?.Tty);
    }
  },
});

async function timestamp(flag: string, text: string): Promise<string> {
  if (text === '') return '';
  const { toTimestamp } = await import('../../framework/timestamp.ts');
  try {
    return toTimestamp(text);
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    throw new ExitError(1, `invalid value for "${flag}": ${error.message}`);
  }
}
