// Hands the command line over to a plugin, as it came.
import { constants } from 'node:os';
import { isTerminal } from '../../kernel/termios.ts';

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** Those that a terminal sends to everybody in it. */
const ofTerminal = ['SIGINT', 'SIGQUIT'];

/** Resolves to the plugin's exit code. */
export async function runPlugin(path: string, args: readonly string[]): Promise<number> {
  const fromTerminal = isTerminal(0);
  let child: Bun.Subprocess | undefined;
  const pass = (signal: NodeJS.Signals) => {
    if (!(fromTerminal && ofTerminal.includes(signal))) child?.kill(signal);
  };
  // Before there is a plugin: one that runs already while we can still be ended alone would be left behind.
  for (const signal of forwarded) process.on(signal, pass);
  try {
    child = Bun.spawn([path, ...args], {
      stdio: ['inherit', 'inherit', 'inherit'],
      env: { ...process.env, DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND: process.argv0 },
    });
    const code = await child.exited;
    const { signalCode } = child;
    return signalCode === null ? code : 128 + constants.signals[signalCode as NodeJS.Signals];
  } finally {
    for (const signal of forwarded) process.off(signal, pass);
  }
}
