import type { EngineClient } from '../../client/client.ts';
import { ApiError, isStatus } from '../../client/errors.ts';
import { info } from '../../client/system.ts';
import { type Found, inspect } from '../format/inspect.ts';
import { findContainer, findImage, findNetwork, findOther, findVolume, type OtherKind } from '../format/inspectable.ts';
import type { Cli } from '../framework/cli.ts';
import { atLeast, defineCommand } from '../framework/command.ts';
import { ExitError } from '../framework/errors.ts';
import { inspectFormatFlag } from '../options/format.ts';

type Kind = 'container' | 'image' | 'network' | 'volume' | OtherKind;

/** The order in which a name is looked for. */
const kinds: readonly Kind[] = [
  'container',
  'image',
  'network',
  'volume',
  'service',
  'task',
  'node',
  'plugin',
  'secret',
  'config',
];
const inSwarmsOnly = new Set<Kind>(['service', 'task', 'node', 'secret', 'config']);
const sorted = [...kinds].sort();

export const command = defineCommand({
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  summary: 'Show everything known about any object',
  arguments: atLeast(1),
  flags: {
    format: inspectFormatFlag,
    size: { type: 'bool', short: 's', summary: 'Find out how much disk space containers take, too' },
    type: { type: 'string', summary: `What kind of thing to look for: ${sorted.join(', ')}` },
  },
  async run(cli, flags, names) {
    const wanted = kinds.find(kind => kind === flags.type);
    if (flags.type !== '' && wanted === undefined) {
      throw new ExitError(1, `unknown type: "${flags.type}": must be one of "${sorted.join('", "')}"`);
    }
    const search = new Search(cli, await cli.client(), flags.size, wanted);
    await inspect(cli, names, flags.format, name => search.find(name));
  },
});

class Search {
  #isSwarmManager: Promise<boolean> | undefined;

  constructor(
    private readonly cli: Cli,
    private readonly client: EngineClient,
    private readonly size: boolean,
    private readonly wanted: Kind | undefined,
  ) {}

  async find(name: string): Promise<Found> {
    if (this.wanted !== undefined) return this.#look(this.wanted, name);
    for (const kind of kinds) {
      if (inSwarmsOnly.has(kind) && !(await this.#hasSwarm())) continue;
      try {
        return await this.#look(kind, name);
      } catch (error) {
        if (!isNothing(error)) throw error;
      }
    }
    throw new Error(`Error: No such object: ${name}`);
  }

  async #look(kind: Kind, name: string): Promise<Found> {
    const found = await this.#ask(kind, name);
    if (this.size && kind !== 'container') this.cli.err.line(`WARNING: --size ignored for ${kind}`);
    return found;
  }

  #ask(kind: Kind, name: string): Promise<Found> {
    switch (kind) {
      case 'container':
        return findContainer(this.client, name, this.size);
      case 'image':
        return findImage(this.client, name);
      case 'network':
        return findNetwork(this.client, name);
      case 'volume':
        return findVolume(this.client, name);
      default:
        return findOther(this.client, kind, name);
    }
  }

  #hasSwarm(): Promise<boolean> {
    this.#isSwarmManager ??= info(this.client).then(
      ({ Swarm: swarm }) => swarm?.ControlAvailable ?? false,
      error => {
        if (!(error instanceof Error)) throw error;
        this.cli.err.line(error.message);
        return false;
      },
    );
    return this.#isSwarmManager;
  }
}

/** The engine has no such thing, or no such kind of things. */
function isNothing(error: unknown): boolean {
  if (isStatus(error, 404)) return true;
  return error instanceof ApiError && /not supported|invalid reference format/.test(error.detail);
}
