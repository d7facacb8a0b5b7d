// Signals that are meant for the process in the container.
const forwarded = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGTERM',
  'SIGUSR1',
  'SIGUSR2',
  'SIGALRM',
  'SIGCONT',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGWINCH',
] as const;

/** Those that ask for an end. */
const endings = ['SIGINT', 'SIGTERM'] as const;
const FORCE_AFTER = 3;

/**
 * Passes signals on until the returned function is called; without `send` they are only kept from ending us, because it is
 * the container's end that we wait for. Somebody who asks three times for an end gets it, whatever the container does.
 */
export function forwardSignals(send: ((signal: string) => Promise<void>) | undefined): () => void {
  const signals = send ? forwarded : endings;
  let requests = 0;
  const handler = (signal: NodeJS.Signals) => {
    // The container may have ended just now, or may not exist yet: nothing to tell anybody.
    send?.(signal.slice(3)).catch(() => undefined);
    if ((endings as readonly string[]).includes(signal) && ++requests === FORCE_AFTER) void giveUp();
  };
  for (const signal of signals) process.on(signal, handler);
  return () => {
    for (const signal of signals) process.off(signal, handler);
  };
}

async function giveUp(): Promise<never> {
  await Bun.write(Bun.stderr, '\ngot 3 SIGTERM/SIGINTs, forcefully exiting\n');
  process.exit(1);
}
