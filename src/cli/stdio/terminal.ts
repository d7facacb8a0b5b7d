// The terminal we run in. It is back in its former mode whatever way the process ends.
import { disableEcho, enterRawMode, isTerminal, type WindowSize, windowSize } from '../../kernel/termios.ts';

export { isTerminal, type WindowSize, windowSize };

/** How large the window is in which progress may be drawn, at any time; undefined where it is no terminal. */
export function drawingSize(descriptor: 1 | 2): (() => WindowSize) | undefined {
  if (!isTerminal(descriptor)) return undefined;
  return () => {
    const { columns, rows } = windowSize(descriptor) ?? { columns: 0, rows: 0 };
    // Some terminals do not know.
    return { columns: columns || 200, rows: rows || 50 };
  };
}

const endings = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;
const numbers: Record<(typeof endings)[number], number> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 };

/** Raw mode until the returned function is called, or the process ends. */
export function rawMode(descriptor: number): () => void {
  if (process.env.NORAW) return () => undefined;
  return keepUntilEnd(enterRawMode(descriptor));
}

/** What is typed is not shown, until the returned function is called, or the process ends. */
export function hiddenInput(descriptor: number): () => void {
  return keepUntilEnd(disableEcho(descriptor));
}

function keepUntilEnd(restore: () => void): () => void {
  const onExit = () => restore();
  const onSignal = (signal: (typeof endings)[number]) => {
    // Others that listen (signals that go to the container) decide what the signal means; alone, it means the end.
    if (process.listenerCount(signal) > 1) return;
    restore();
    process.exit(128 + numbers[signal]);
  };
  process.on('exit', onExit);
  for (const signal of endings) process.on(signal, onSignal);
  return () => {
    restore();
    process.off('exit', onExit);
    for (const signal of endings) process.off(signal, onSignal);
  };
}

/** Tells the size now, and each time it changes. Returns what ends that. */
export function followWindowSize(descriptor: number, tell: (size: WindowSize) => Promise<void>): () => void {
  let told: WindowSize | undefined;
  const update = () => {
    const size = windowSize(descriptor);
    if (!size || (size.rows === told?.rows && size.columns === told?.columns)) return;
    told = size;
    void tellPatiently(size, tell);
  };
  process.on('SIGWINCH', update);
  update();
  return () => process.off('SIGWINCH', update);
}

/** The process may not be there yet: a few attempts, each a little later. Its size is never worth failing for. */
async function tellPatiently(size: WindowSize, tell: (size: WindowSize) => Promise<void>): Promise<void> {
  for (let attempt = 0; attempt <= 10; attempt++) {
    try {
      await tell(size);
      return;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      await Bun.sleep(10 * (attempt + 1));
    }
  }
}
