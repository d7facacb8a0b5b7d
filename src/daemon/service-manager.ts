// Tells systemd how we are (sd_notify), where it runs us.
import { log } from '../lib/logger.ts';

/** Runs the system's own little program: there are only two such moments in a daemon's life. */
export function notifyManager(state: 'READY=1' | 'STOPPING=1'): void {
  if (!process.env['NOTIFY_SOCKET']) return;
  const program = Bun.which('systemd-notify');
  if (!program) {
    log.warn('a service manager wants to be told of our state, but systemd-notify is not installed');
    return;
  }
  Bun.spawn([program, `--pid=${process.pid}`, state], { stdio: ['ignore', 'ignore', 'ignore'] }).unref();
}

/** Whether we are told to end because the whole machine goes down. */
export async function machineGoesDown(): Promise<boolean> {
  const program = Bun.which('systemctl');
  if (!program) return false;
  const child = Bun.spawn([program, 'is-system-running'], { stdio: ['ignore', 'pipe', 'ignore'], timeout: 5000 });
  return (await child.stdout.text()).trim() === 'stopping';
}
