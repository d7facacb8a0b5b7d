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

const FORCE_AFTER = 3;

/**
 * Passes signals on until the returned function is called. Somebody who asks three times for an end gets it, whatever the
 * container does.
 */
export function forwardSignals(send: (signal: string) => Promise<void>): () => void {
  let requests = 0;
  const handler = (signal: NodeJS.Signals) => {
    // The container may have ended just now, or may not exist yet: nothing to tell anybody.
    send(signal.slice(3)).catch(() => undefined);
    if (signal !== 'SIGINT' && signal !== 'SIGTERM') return;
    requests++;
    if (requests < FORCE_AFTER) return;
    console.error('\ngot 3 SIGTERM/SIGINTs, forcefully exiting');
    process.exit(1);
  };
  for (const signal of forwarded) process.on(signal, handler);
  return () => {
    for (const signal of forwarded) process.off(signal, handler);
  };
}
