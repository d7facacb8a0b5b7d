// Pushing an image: for `push` itself, and for signing what is not in its registry yet.
import type { EngineClient } from '../../client/client.ts';
import { push } from '../../client/images.ts';
import { familiarRepository, type Reference } from '../../lib/reference.ts';
import { drawingSize } from '../stdio/terminal.ts';
import type { Cli } from './cli.ts';
import { registryAuth } from './credentials.ts';
import { showProgress } from './progress.ts';

export interface PushImageOptions {
  quiet?: boolean;
  platform?: string;
}

/** One name, and what it points at in the registry now. */
export interface Pushed {
  Tag: string;
  Digest: string;
  Size: number;
}

/** Resolves to what was pushed, and the engine's other remarks. */
export async function pushImage(
  cli: Cli,
  client: EngineClient,
  reference: Reference,
  { quiet = false, platform }: PushImageOptions,
): Promise<{ pushed: Pushed[]; remarks: unknown[] }> {
  const progress = await push(client, familiarRepository(reference), {
    tag: reference.digest ?? reference.tag,
    platform,
    registryAuth: await registryAuth(cli, reference.domain),
  });
  const pushed: Pushed[] = [];
  const remarks: unknown[] = [];
  await showProgress(progress, cli.out, {
    quiet,
    size: quiet ? undefined : drawingSize(1),
    onAux: aux => (isPushed(aux) ? pushed.push(aux) : remarks.push(aux)),
  });
  return { pushed, remarks };
}

function isPushed(aux: unknown): aux is Pushed {
  return typeof aux === 'object' && aux !== null && 'Tag' in aux && 'Digest' in aux && 'Size' in aux;
}
