// The registries that manifest lists are made from and go to. This is the client's own business: no engine is asked.
import { canonicalName, parseReference, type Reference, withDefaultTag } from '../../lib/reference.ts';
import { endpointsFor, environmentProxies, type RegistryConfig } from '../../registry/endpoints.ts';
import { RegistryFailure } from '../../registry/failures.ts';
import { imagesNamed } from '../../registry/image-manifests.ts';
import { Repository } from '../../registry/repository.ts';
import { RegistrySession } from '../../registry/session.ts';
import type { Cli } from '../framework/cli.ts';
import { credentialsFor } from '../framework/credentials.ts';
import { ExitError } from '../framework/errors.ts';
import type { NamedImage } from './store.ts';

const CERTIFICATES = '/etc/docker/certs.d';

/** A name of the command line; without a tag, it is `latest`. */
export const referenceOf = (text: string): Reference => withDefaultTag(parseReference(text));

export const tagOrDigest = (reference: Reference): string => reference.digest ?? reference.tag!;

export interface Access {
  insecure: boolean;
  use: 'pull' | 'push';
  /** Repositories that something may be taken from. */
  sources?: readonly string[];
}

export async function openRepository(cli: Cli, reference: Reference, access: Access): Promise<Repository> {
  const config = registryConfig(access.insecure ? reference.domain : undefined);
  const [endpoint] = await endpointsFor(reference.domain, config, 'push');
  const { username = '', password = '', identitytoken = '' } = await credentialsFor(cli.config(), reference.domain);
  const credentials = { username, password, identityToken: identitytoken, registryToken: '' };
  const session = new RegistrySession(endpoint!, credentials, config);
  return new Repository(session, reference.path, access.use, { sources: access.sources });
}

function registryConfig(insecure: string | undefined): RegistryConfig {
  return {
    insecureRegistries: insecure === undefined ? [] : [insecure],
    registryMirrors: [],
    proxies: environmentProxies(),
    certificateDirectories: [CERTIFICATES],
  };
}

/** One image of a registry, or the images of a list there. */
export async function remoteImages(
  cli: Cli,
  reference: Reference,
  insecure: boolean,
): Promise<NamedImage | NamedImage[]> {
  const repository = await openRepository(cli, reference, { insecure, use: 'pull' });
  const name = canonicalName(reference);
  try {
    const found = await imagesNamed(repository, tagOrDigest(reference));
    if (!Array.isArray(found)) return { ...found, name };
    return found.map(image => ({ ...image, name: `${name}@${image.descriptor.digest}` }));
  } catch (error) {
    if (error instanceof RegistryFailure && error.status === 404) throw new ExitError(1, `no such manifest: ${name}`);
    throw error;
  }
}

/** One image of a registry; a list is refused. */
export async function remoteImage(cli: Cli, reference: Reference, insecure: boolean): Promise<NamedImage> {
  const found = await remoteImages(cli, reference, insecure);
  if (Array.isArray(found)) throw new ExitError(1, `${canonicalName(reference)} is a manifest list`);
  return found;
}
