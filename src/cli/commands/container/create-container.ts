// What `run` and `create` have in common: flags to a request, the request to a container, with the image pulled if need be.
import type { EngineClient } from '../../../client/client.ts';
import * as containers from '../../../client/containers.ts';
import { isStatus } from '../../../client/errors.ts';
import type { ContainerCreateRequest } from '../../../wire/types.ts';
import type { Cli } from '../../framework/cli.ts';
import { ExitError } from '../../framework/errors.ts';
import type { PullImageOptions } from '../../framework/pull.ts';
import { contentTrustWanted } from '../../options/content-trust.ts';
import { type CreateFlags, createRequest } from './create-options/create-options.ts';

/** Wrong use of the command: its own exit code, and where to read on. */
export function refusal(cli: Cli, error: unknown, code = 125): ExitError {
  if (error instanceof ExitError && error.code !== 1) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ExitError(code, `docker: ${message}\n\nRun '${cli.path} --help' for more information`);
}

export async function requestOf(cli: Cli, flags: CreateFlags, args: string[]): Promise<ContainerCreateRequest> {
  if (!['always', 'missing', 'never', ''].includes(flags.pull)) {
    throw refusal(cli, `invalid pull option: '${flags.pull}': must be one of "always", "missing" or "never"`);
  }
  const { proxies } = cli.config();
  const env = proxies ? [...(await proxyVariables(cli, proxies, flags.env)), ...flags.env] : flags.env;
  try {
    return await createRequest({ ...flags, env }, args);
  } catch (error) {
    throw refusal(cli, error);
  }
}

type Proxies = NonNullable<Awaited<ReturnType<Cli['config']>>['proxies']>;

/** The proxies that the config has for containers of this engine, unless the command line says otherwise. */
async function proxyVariables(cli: Cli, proxies: Proxies, given: readonly string[]): Promise<string[]> {
  const settings = proxies[(await cli.endpoint()).host] ?? proxies.default ?? {};
  const names = new Set(given.map(line => line.split('=', 1)[0]!));
  const values = {
    HTTP_PROXY: settings.httpProxy,
    HTTPS_PROXY: settings.httpsProxy,
    NO_PROXY: settings.noProxy,
    FTP_PROXY: settings.ftpProxy,
    ALL_PROXY: settings.allProxy,
  };
  return Object.entries(values)
    .filter(([, value]) => value)
    .flatMap(([name, value]) => [name, name.toLowerCase()].filter(n => !names.has(n)).map(n => `${n}=${value}`));
}

/** Makes the container and returns its id. Warnings go to stderr. */
export async function createContainer(
  cli: Cli,
  client: EngineClient,
  request: ContainerCreateRequest,
  flags: CreateFlags,
): Promise<string> {
  const image = request.Image ?? '';
  if (!plainName.test(image)) await checkImageName(image);
  const platform = flags.platform || process.env.DOCKER_DEFAULT_PLATFORM || '';
  if (platform !== '') await checkPlatform(platform);
  const idFile = flags.cidfile === '' ? undefined : await reserveIdFile(flags.cidfile);
  try {
    const credentials = flags['use-api-socket'] ? await shareEngine(cli, request) : undefined;
    const headers = contentTrustWanted(flags) ? await trustHeaders(cli, client) : undefined;
    const pullIt = () => pull(cli, client, image, { platform, quiet: flags.quiet, headers });
    if (flags.pull === 'always') await pullIt();
    const create = () => containers.create(client, request, { name: flags.name, platform, headers });
    let response: Awaited<ReturnType<typeof create>>;
    try {
      response = await create();
    } catch (error) {
      if (!isStatus(error, 404) || flags.pull !== 'missing') throw error;
      if (!flags.quiet) {
        cli.err.line(`Unable to find image '${await shownName(image)}' locally`);
        await cli.err.flush();
      }
      await pullIt();
      response = await create();
    }
    for (const warning of response.Warnings ?? []) cli.err.line(`WARNING: ${warning}`);
    await idFile?.write(response.Id);
    if (credentials) await (await import('./share-engine.ts')).copyCredentials(client, response.Id, credentials);
    return response.Id;
  } finally {
    await idFile?.close();
  }
}

/** Names that need no closer look before the engine has its own. */
const plainName = /^[a-z0-9]+([._-][a-z0-9]+)*(:[\w.]+)?$/;

async function checkImageName(image: string): Promise<void> {
  const { parseAnyReference } = await import('../../../lib/reference.ts');
  parseAnyReference(image);
}

async function checkPlatform(platform: string): Promise<void> {
  const { parsePlatform } = await import('../../../lib/platform.ts');
  try {
    parsePlatform(platform);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new ExitError(1, `error parsing specified platform: ${error.message}`);
  }
}

async function shownName(image: string): Promise<string> {
  const { familiarName, parseReference, withDefaultTag } = await import('../../../lib/reference.ts');
  return familiarName(withDefaultTag(parseReference(image)));
}

async function pull(
  cli: Cli,
  client: EngineClient,
  image: string,
  options: Omit<PullImageOptions, 'out'>,
): Promise<void> {
  const { pullImage } = await import('../../framework/pull.ts');
  // stdout belongs to the container.
  await pullImage(cli, client, image, { out: cli.err, ...options });
}

async function trustHeaders(cli: Cli, client: EngineClient): Promise<Record<string, string>> {
  const { signatureRequired } = await import('../../framework/content-trust.ts');
  return signatureRequired(cli, client);
}

async function reserveIdFile(path: string) {
  const { reserveIdFile: reserve } = await import('./id-file.ts');
  return reserve(path);
}

async function shareEngine(cli: Cli, request: ContainerCreateRequest) {
  const { shareEngine: share } = await import('./share-engine.ts');
  return share(cli.config(), request);
}
