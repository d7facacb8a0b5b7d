// One running daemon: an engine, the API in front of it, and the signals that steer both.
import { hostname } from 'node:os';
import { api } from '../api/api.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import { messageOf } from '../lib/errors.ts';
import { configureLog, log } from '../lib/logger.ts';
import { NEWEST_API, OLDEST_API } from '../wire/api-version.ts';
import { engineConfig } from './engine-config.ts';
import { describeHost, type Host, parseHosts } from './hosts.ts';
import { listen } from './listen.ts';
import type { Settings } from './options.ts';
import { removePidfile, writePidfile } from './pidfile.ts';
import { defaultDataRoot, takePlaces } from './places.ts';
import { reload } from './reload.ts';
import { machineGoesDown, notifyManager } from './service-manager.ts';
import { readTls, usesTls } from './tls.ts';

/** Impatient people press Ctrl-C until it helps. */
const SIGNALS_THAT_FORCE = 3;
const LONGEST_TIMER_MS = 0x7fff_ffff;

export interface DaemonRequest {
  settings: Settings;
  asked: Partial<Settings>;
  flags: Partial<Settings>;
}

/** Runs until it is told to end; resolves to the exit code. */
export async function runDaemon({ settings: told, asked, flags }: DaemonRequest): Promise<number> {
  let settings = told;
  surviveBugs();
  const tls = readTls(settings);
  const hosts = parseHosts(settings.hosts, usesTls(settings));
  const dataRoot = asked.dataRoot ?? defaultDataRoot(settings.dataRoot);
  const places = takePlaces(dataRoot, settings.execRoot);
  writePidfile(settings.pidfile);
  try {
    const config = engineConfig(settings, {
      ...places,
      environment: process.env,
      apiWarnings: apiWarnings(hosts, settings),
    });
    const engine = createEngine(config, { api: { newest: NEWEST_API, oldest: OLDEST_API } });
    const signalled = untilSignalled(() => {
      settings = reloadNow(settings, flags, engine);
    });
    try {
      await engine.start();
      const group = { name: settings.group, asked: asked.group !== undefined };
      const listening = await listen({ hosts, tls, group }, api(engine, { experimental: settings.experimental }));
      log.info('Daemon has completed initialization', { dataRoot: config.dataRoot });
      notifyManager('READY=1');
      const signal = await signalled;
      log.info(`Processing signal '${signal}'`);
      notifyManager('STOPPING=1');
      // What was asked of us may finish first; -1 waits for ever.
      const { shutdownTimeout } = config;
      await listening.close(shutdownTimeout < 0 ? LONGEST_TIMER_MS : shutdownTimeout * 1000);
      // systemd would kill them after a long wait for those that heed no SIGTERM.
      if (await machineGoesDown()) await engine.stopWithMachine();
    } finally {
      // Containers run on.
      await engine.close();
    }
    log.info('Daemon shutdown complete');
    return 0;
  } finally {
    removePidfile(settings.pidfile);
  }
}

function apiWarnings(hosts: readonly Host[], settings: Settings): string[] {
  if (settings.tlsVerify) return [];
  const how = usesTls(settings) ? 'without TLS client verification' : 'without encryption';
  return hosts
    .filter(host => host.kind === 'tcp')
    .map(host => `API is accessible on tcp://${describeHost(host)} ${how}: who reaches it is root on this machine`);
}

/** One request that went wrong in a way nobody foresaw must not take the others along. */
function surviveBugs(): void {
  const report = (error: unknown) => {
    const stack = error instanceof Error ? error.stack : undefined;
    log.error('an error that nobody caught', { error: messageOf(error), stack });
  };
  process.on('unhandledRejection', report);
  process.on('uncaughtException', report);
}

/** Resolves to the signal that ends the daemon. */
function untilSignalled(onReload: () => void): Promise<NodeJS.Signals> {
  process.on('SIGHUP', onReload);
  let count = 0;
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
      process.on(signal, () => {
        resolve(signal);
        if (++count < SIGNALS_THAT_FORCE) return;
        log.info('Forcing docker daemon shutdown without cleanup; 3 interrupts received');
        process.exit(1);
      });
    }
  });
}

function reloadNow(settings: Settings, flags: Partial<Settings>, engine: Engine): Settings {
  log.info('Got signal to reload configuration', { file: settings.configFile });
  try {
    const reloaded = reload(settings, flags, engine.config);
    configureLog({ level: reloaded.settings.debug ? 'debug' : reloaded.settings.logLevel });
    log.info('Reloaded configuration', reloaded.attributes);
    engine.events.publish('daemon', 'reload', {
      ID: engine.system.id,
      Attributes: { name: hostname(), ...reloaded.attributes },
    });
    return reloaded.settings;
  } catch (error) {
    log.error('the configuration stays as it was', { error: messageOf(error) });
    return settings;
  }
}
