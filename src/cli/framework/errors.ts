// What ends a command with something other than 0.

/** A command's own ending: the exit code and, unless it is empty, the line on stderr. */
export class ExitError extends Error {
  constructor(
    readonly code: number,
    message = '',
  ) {
    super(message);
    this.name = 'ExitError';
  }
}

/** Wrong use of a flag: the one line of what is wrong; the framework adds the usage. */
export class FlagError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FlagError';
  }
}

/** Several things went wrong, each has its line; null if the list is empty. */
export function joinErrors(messages: readonly string[]): ExitError | null {
  return messages.length === 0 ? null : new ExitError(1, messages.join('\n'));
}
