// dockerd: what was asked for, and the exit code.
import { messageOf } from '../lib/errors.ts';
import { configureLog } from '../lib/logger.ts';
import { parseCommandLine } from './command-line.ts';
import { settingsOf } from './settings.ts';

export async function run(args: string[]): Promise<number> {
  try {
    const { given: flags, show } = parseCommandLine(args);
    if (show !== undefined) {
      const { helpText, versionText } = await import('./help.ts');
      process.stdout.write(show === 'help' ? helpText() : versionText());
      return 0;
    }
    const { settings, asked } = settingsOf(flags);
    if (settings.validate) {
      process.stderr.write('configuration OK\n');
      return 0;
    }
    if (process.getuid?.() !== 0) throw new Error('dockerd needs to be started with root privileges');
    configureLog({ level: settings.debug ? 'debug' : settings.logLevel, format: settings.logFormat });
    process.umask(0o022);
    const { runDaemon } = await import('./daemon.ts');
    return end(await runDaemon({ settings, asked, flags }));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return end(1);
  }
}

/** Whatever still waits for something, a watcher or a timer, must not keep the process. */
function end(code: number): never {
  process.exit(code);
}
