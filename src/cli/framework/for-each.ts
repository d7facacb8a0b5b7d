// Commands that do the same to each of their arguments.
import type { Cli } from './cli.ts';
import { ExitError } from './errors.ts';

const AT_ONCE = 50;

/** What `act` returns when there is nothing to print for an argument. */
export const SKIP = Symbol('skip');

/**
 * Does it for all arguments at once, prints each one's name (or what `act` returns) as soon as those before it are done,
 * and fails at the end with all messages.
 */
export async function forEachArgument(
  cli: Cli,
  args: readonly string[],
  act: (arg: string) => Promise<unknown>,
  concurrency = AT_ONCE,
): Promise<void> {
  const results: Promise<unknown>[] = [];
  const errors: string[] = [];
  for (const [i, arg] of args.entries()) {
    const before = i >= concurrency ? results[i - concurrency]!.catch(() => undefined) : Promise.resolve();
    const result = i >= concurrency ? before.then(() => act(arg)) : act(arg);
    // Handled below, in order; until then a failure must not count as unhandled.
    result.catch(() => undefined);
    results.push(result);
  }
  for (const [i, arg] of args.entries()) {
    try {
      const shown = await results[i];
      if (shown !== SKIP) cli.out.line(typeof shown === 'string' ? shown : arg);
      if (args.length > 1) await cli.out.flush();
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (errors.length > 0) throw new ExitError(1, errors.join('\n'));
}
