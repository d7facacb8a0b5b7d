// Pulling an image: for `pull` itself, and for `run` and `create` when the image is missing.
import type { EngineClient } from '../../client/client.ts';
import * as images from '../../client/images.ts';
import { familiarRepository, parseReference, withDefaultTag } from '../../lib/reference.ts';
import type { Cli } from './cli.ts';
import { registryAuth } from './credentials.ts';
import type { Output } from './output.ts';
import { showProgress } from './progress.ts';

export interface PullImageOptions {
  /** Where progress is shown. */
  out: Output;
  quiet?: boolean;
  platform?: string;
  /** Every tag of the repository. */
  all?: boolean;
  headers?: Record<string, string>;
}

export async function pullImage(
  cli: Cli,
  client: EngineClient,
  name: string,
  options: PullImageOptions,
): Promise<void> {
  const reference = parseReference(name);
  const { digest, tag } = options.all ? reference : withDefaultTag(reference);
  const source = await images.pull(client, familiarRepository(reference), {
    tag: digest ?? tag,
    platform: options.platform,
    headers: options.headers,
    registryAuth: await registryAuth(cli, reference.domain),
  });
  const descriptor = options.out === cli.err ? 2 : 1;
  const size = options.quiet ? undefined : (await import('../stdio/terminal.ts')).drawingSize(descriptor);
  await showProgress(source, options.out, { quiet: options.quiet, size });
}
