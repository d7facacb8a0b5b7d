// `aliases` of config.json: there is one, `builder`, which hands the building of images to a plugin. `docker buildx install`
// writes it.
import type { Cli } from '../framework/cli.ts';
import { ExitError } from '../framework/errors.ts';
import { findPlugin } from './find.ts';

const BUILDER = 'builder';

/** The words that mean the builder, and what they are when a plugin does it. */
const builds: readonly (readonly [words: readonly string[], replaced: (plugin: string) => string[]])[] = [
  [[BUILDER], plugin => [plugin]],
  [['build'], plugin => [plugin, 'build']],
  [['image', 'build'], plugin => [plugin, 'build']],
];

const beginsWith = (words: readonly string[], beginning: readonly string[]) =>
  beginning.every((word, index) => words[index] === word);

/** So that no other command pays for it. */
export const mayBeAliased = (words: readonly string[]): boolean => builds.some(([from]) => beginsWith(words, from));

/** The words to go on with. `isBuiltIn` tells the names of our own commands. */
export function resolveAliases(cli: Cli, words: string[], isBuiltIn: (words: string[]) => boolean): string[] {
  const aliases = cli.config().aliases ?? {};
  for (const [name, target] of Object.entries(aliases)) {
    if (name !== BUILDER) throw new ExitError(1, `not allowed to alias "${name}" (allowed: ${BUILDER})`);
    if (isBuiltIn(target.split(' '))) {
      throw new ExitError(1, `not allowed to alias with builtin "${target}" as target`);
    }
  }
  const plugin = aliases[BUILDER];
  const found = builds.find(([from]) => beginsWith(words, from));
  if (plugin === undefined || !found) return words;
  const [from, replaced] = found;
  if (isSwitchedOff() && from[0] !== BUILDER) return words;
  if (findPlugin(cli, plugin) === undefined) {
    throw new ExitError(
      1,
      `ERROR: ${cli.configDirectory}/config.json makes the plugin ${plugin} the builder, which is missing: install it, or take the alias away`,
    );
  }
  return [...replaced(plugin), ...words.slice(from.length)];
}

function isSwitchedOff(): boolean {
  const wish = process.env['DOCKER_BUILDKIT'];
  if (wish === undefined) return false;
  if (/^(1|t|true)$/i.test(wish)) return false;
  if (/^(0|f|false)$/i.test(wish)) return true;
  throw new ExitError(1, `DOCKER_BUILDKIT environment variable expects boolean value, not "${wish}"`);
}
