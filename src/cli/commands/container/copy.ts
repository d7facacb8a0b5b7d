// Both directions of `docker cp`.
import { posix } from 'node:path';
import type { EngineClient } from '../../../client/client.ts';
import * as containers from '../../../client/containers.ts';
import { ApiError } from '../../../client/errors.ts';
import type { ByteSource } from '../../../lib/streams.ts';
import { type Destination, isContentOf, planCopy, renamer, splitPath } from '../../archive/copy-plan.ts';
import { localDestination, localSource } from '../../archive/local-path.ts';
import type { Cli } from '../../framework/cli.ts';
import { ExitError } from '../../framework/errors.ts';
import { CopyProgress } from './copy-progress.ts';

export interface CopyOptions {
  followLink: boolean;
  keepOwner: boolean;
  quiet: boolean;
}

/** Bits of the mode as the API has it. */
const DIRECTORY = 2 ** 31;
const SYMLINK = 2 ** 27;
const DEVICE = 2 ** 26;
const IRREGULAR = 2 ** 19;
const has = (mode: number, bit: number) => Math.floor(mode / bit) % 2 === 1;

export async function copyFromContainer(
  cli: Cli,
  container: string,
  sourcePath: string,
  destinationPath: string,
  { followLink, quiet }: CopyOptions,
): Promise<undefined> {
  const destination = destinationPath === '-' ? undefined : localDestination(destinationPath);
  const client = await cli.client();
  const source = followLink ? await followed(client, container, sourcePath) : { path: sourcePath };
  const { stat, archive } = await containers.readArchive(client, container, source.path);
  if (!destination) {
    await (await import('../../stdio/save-archive.ts')).copyToStdout(archive);
    return;
  }
  const isDirectory = has(stat.mode, DIRECTORY);
  const plan = planCopy({ ...source, isDirectory }, destination);
  const progress = new CopyProgress(cli, 'Copying from container - ', quiet);
  const { unpack } = await import('../../archive/unpack.ts');
  const rename = plan.rename === undefined ? undefined : renamer(splitPath(source.path).base, plan.rename);
  await progress.during(unpack(progress.count(archive), plan.directory, { rename }));
  progress.summary(destination.path);
}

/** What a link in the container points at, under the name it was asked for. */
async function followed(
  client: EngineClient,
  container: string,
  path: string,
): Promise<{ path: string; name?: string }> {
  const stat = await statIfThere(client, container, path);
  if (!stat || !has(stat.mode, SYMLINK)) return { path };
  const target = posix.resolve(splitPath(path).directory, stat.linkTarget);
  const name = splitPath(path).base;
  const whole = isContentOf(path) ? `${target}/.` : target;
  return splitPath(whole).base === name ? { path: whole } : { path: whole, name };
}

export async function copyToContainer(
  cli: Cli,
  sourcePath: string,
  container: string,
  destinationPath: string,
  { followLink, keepOwner, quiet }: CopyOptions,
): Promise<undefined> {
  const client = await cli.client();
  const destination = await containerDestination(client, container, destinationPath);
  const progress = new CopyProgress(cli, 'Copying to container - ', quiet);
  let archive: ByteSource;
  let directory: string;
  if (sourcePath === '-') {
    if (!destination.isDirectory) {
      throw new ExitError(1, `destination "${container}:${destinationPath}" must be a directory`);
    }
    directory = destination.path;
    archive = Bun.stdin.stream();
  } else {
    const source = localSource(sourcePath, followLink);
    const plan = planCopy(source, destination);
    const { packTree } = await import('../../archive/pack.ts');
    directory = plan.directory;
    archive = packTree(source.path, plan.rename ?? splitPath(source.path).base);
  }
  const options = { noOverwriteDirNonDir: true, copyUidGid: keepOwner };
  await progress.during(containers.writeArchive(client, container, directory, progress.count(archive), options));
  progress.summary(`${container}:${destination.path}`);
}

async function containerDestination(client: EngineClient, container: string, path: string): Promise<Destination> {
  let target = path;
  let stat = await statIfThere(client, container, path);
  if (stat && has(stat.mode, SYMLINK)) {
    target = posix.resolve('/', splitPath(path).directory, stat.linkTarget);
    stat = await statIfThere(client, container, target);
  }
  if (!stat) return { path: target, exists: false, isDirectory: false };
  if (has(stat.mode, DEVICE) || has(stat.mode, IRREGULAR)) {
    const what = has(stat.mode, DEVICE) ? 'a device' : 'an irregular file';
    throw new ExitError(1, `destination "${container}:${path}" must be a directory or a regular file: got ${what}`);
  }
  return { path: target, exists: true, isDirectory: has(stat.mode, DIRECTORY) };
}

/** A path that can't be looked at is treated as not there: the copy itself will tell what is wrong. */
async function statIfThere(client: EngineClient, container: string, path: string) {
  try {
    return await containers.statPath(client, container, path);
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}
