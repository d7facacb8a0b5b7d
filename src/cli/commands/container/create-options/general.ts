// Flags about the process itself: its command, environment, names, life.
import type { ContainerConfig, HostConfig } from '../../../../wire/types.ts';
import { splitPair } from '../../../framework/flag-types.ts';
import { type FlagTable, type FlagValues, isGiven } from '../../../framework/flags.ts';
import { disableContentTrust } from '../../../options/content-trust.ts';
import { readEnvironment, readKeyValueFile, validateEnv, validateLabel } from './key-values.ts';

export const generalFlags = {
  annotation: { type: 'map', since: '1.43', summary: 'Annotation for the OCI runtime' },
  attach: { type: 'list', short: 'a', parse: validateAttach, summary: 'Attach to STDIN, STDOUT or STDERR' },
  cidfile: { type: 'string', summary: "File to write the container's ID to" },
  domainname: { type: 'string', summary: 'NIS domain name' },
  entrypoint: { type: 'string', summary: "Program to start instead of the image's entrypoint" },
  env: {
    type: 'list',
    short: 'e',
    parse: validateEnv,
    summary: 'Environment variable (NAME alone: take it from here)',
  },
  'env-file': { type: 'list', summary: 'File with environment variables, one per line' },
  hostname: { type: 'string', short: 'h', summary: 'Host name' },
  init: { type: 'bool', summary: 'Run an init that reaps processes and passes signals on' },
  interactive: { type: 'bool', short: 'i', summary: 'Keep stdin open' },
  label: { type: 'list', short: 'l', parse: validateLabel, summary: 'Label, as name=value' },
  'label-file': { type: 'list', summary: 'File with labels, one per line' },
  name: { type: 'string', summary: 'Name of the container' },
  platform: { type: 'string', summary: 'Platform of the image, if the engine can do several' },
  pull: { type: 'string', default: 'missing', summary: 'When to pull the image: "always", "missing" or "never"' },
  quiet: { type: 'bool', short: 'q', summary: "Don't show the progress of a pull" },
  restart: {
    type: 'string',
    default: 'no',
    summary: 'What to do when the process ends: no, always, unless-stopped, on-failure[:times]',
  },
  rm: { type: 'bool', summary: 'Remove the container and its anonymous volumes when it ends' },
  runtime: { type: 'string', summary: 'OCI runtime' },
  'stop-signal': { type: 'string', summary: 'Signal that asks the process to end' },
  'stop-timeout': { type: 'int', summary: 'Seconds between that signal and the kill' },
  tty: { type: 'bool', short: 't', summary: 'Give the process a terminal' },
  'use-api-socket': { type: 'bool', summary: "Let the container use the engine, with this user's registry logins" },
  user: { type: 'string', short: 'u', summary: 'User, and group: <name|uid>[:<group|gid>]' },
  workdir: { type: 'string', short: 'w', summary: 'Working directory' },
  'disable-content-trust': disableContentTrust,
} as const satisfies FlagTable;

function validateAttach(text: string): string {
  const stream = text.toLowerCase();
  if (!['stdin', 'stdout', 'stderr'].includes(stream)) throw new Error('valid streams are STDIN, STDOUT and STDERR');
  return stream;
}

export type GeneralFlags = FlagValues<typeof generalFlags>;

export async function generalConfig(flags: GeneralFlags): Promise<ContainerConfig> {
  const env = await readEnvironment(flags['env-file'], flags.env).catch(error => {
    throw new Error(`--env-file: ${messageOf(error)}`);
  });
  const labelLines = await labelsOf(flags);
  const attachAll = flags.attach.length === 0;
  const attachStdin = flags.interactive || flags.attach.includes('stdin');
  const config: ContainerConfig = {
    Hostname: flags.hostname,
    Domainname: flags.domainname,
    User: flags.user,
    AttachStdin: attachStdin,
    AttachStdout: attachAll || flags.attach.includes('stdout'),
    AttachStderr: attachAll || flags.attach.includes('stderr'),
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    // The client that goes away takes stdin with it.
    StdinOnce: flags.interactive && attachStdin,
    WorkingDir: flags.workdir,
    Labels: Object.fromEntries(labelLines.map(line => splitPair(line))),
  };
  if (env.length > 0) config.Env = env;
  if (isGiven(flags, 'entrypoint')) config.Entrypoint = [flags.entrypoint];
  if (flags['stop-signal'] !== '') config.StopSignal = flags['stop-signal'];
  if (isGiven(flags, 'stop-timeout')) config.StopTimeout = flags['stop-timeout'];
  return config;
}

async function labelsOf(flags: GeneralFlags): Promise<string[]> {
  const lines: string[] = [];
  try {
    for (const file of flags['label-file']) lines.push(...(await readKeyValueFile(file)));
  } catch (error) {
    throw new Error(`--label-file: ${messageOf(error)}`);
  }
  return [...lines, ...flags.label];
}

export function generalHostConfig(flags: GeneralFlags): HostConfig {
  const restart = parseRestartPolicy(flags.restart);
  const hasPolicy = restart.Name !== '' && restart.Name !== 'no';
  if (flags.rm && hasPolicy) throw new Error('conflicting options: cannot specify both --restart and --rm');
  return {
    ContainerIDFile: flags.cidfile,
    RestartPolicy: restart,
    AutoRemove: flags.rm,
    ...(Object.keys(flags.annotation).length > 0 && { Annotations: flags.annotation }),
    ...(isGiven(flags, 'init') && { Init: flags.init }),
    ...(flags.runtime !== '' && { Runtime: flags.runtime }),
  };
}

export function parseRestartPolicy(text: string): NonNullable<HostConfig['RestartPolicy']> {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const count = colon < 0 ? '' : text.slice(colon + 1);
  if (colon === 0) throw new Error('invalid restart policy format: no policy provided before colon');
  if (count !== '' && !/^[+-]?\d+$/.test(count)) {
    throw new Error('invalid restart policy format: maximum retry count must be an integer');
  }
  type Policy = NonNullable<HostConfig['RestartPolicy']>;
  // The engine knows which names there are.
  return { Name: name as Policy['Name'], MaximumRetryCount: Number(count || 0) };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
