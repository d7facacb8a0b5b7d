// One executable, several names. Heavy or confined work runs in a fresh process of the same executable.

export type HelperName = string;

/** False when it runs from source. */
export const isCompiled = import.meta.path.startsWith('/$bunfs/');

/** What starts this executable again as one of its helpers (the table is in main.ts). */
export function helperCommand(name: HelperName, args: readonly string[] = []): string[] {
  return [...selfCommand(), '--dockyard-helper', name, ...args];
}

/** What starts this executable again as `docker` or `dockerd`. */
export function programCommand(name: 'docker' | 'dockerd', args: readonly string[] = []): string[] {
  return [...selfCommand(), '--dockyard-program', name, ...args];
}

function selfCommand(): string[] {
  return isCompiled ? [process.execPath] : [process.execPath, new URL('../main.ts', import.meta.url).pathname];
}

export interface Invocation {
  program: string;
  args: string[];
}

/** Which name was I called by, and with what. */
export function invocation(): Invocation {
  const args = process.argv.slice(2);
  if (args[0] === '--dockyard-helper') return { program: `helper:${args[1] ?? ''}`, args: args.slice(2) };
  if (args[0] === '--dockyard-program') return { program: args[1] ?? 'docker', args: args.slice(2) };
  return { program: isCompiled ? nameOf(process.argv0) : 'docker', args };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
