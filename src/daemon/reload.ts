// SIGHUP: daemon.json is read again, and what may change in a running engine does.
import type { EngineConfig } from '../engine/config.ts';
import { readConfigFile } from './config-file.ts';
import { reloadable } from './engine-config.ts';
import type { Settings } from './options.ts';
import { mergeSettings } from './settings.ts';

/** Those that Docker reloads, too. All others wait for the next start. */
const RELOADED = [
  'debug',
  'logLevel',
  'labels',
  'defaultRuntime',
  'runtimes',
  'shutdownTimeout',
  'insecureRegistries',
  'registryMirrors',
  'maxConcurrentDownloads',
  'maxConcurrentUploads',
  'maxDownloadAttempts',
  'features',
  'liveRestore',
] as const satisfies (keyof Settings)[];

export interface Reloaded {
  settings: Settings;
  /** The event's: what holds now. */
  attributes: Record<string, string>;
}

/**
 * Changes `config`, which the engine reads at each use. Throws, and leaves everything as it is, when the file makes no
 * sense. A key that has gone from the file falls back to its flag or its default.
 */
export function reload(current: Settings, flags: Partial<Settings>, config: EngineConfig): Reloaded {
  const file = readConfigFile(current.configFile, flags.configFile !== undefined) ?? {};
  const told = mergeSettings(flags, file);
  const settings: Settings = { ...current };
  for (const name of RELOADED) assign(settings, told, name);
  const next = reloadable(settings);
  Object.assign(config, next);
  return {
    settings,
    attributes: {
      debug: String(settings.debug),
      'default-runtime': settings.defaultRuntime,
      'insecure-registries': JSON.stringify(settings.insecureRegistries),
      labels: JSON.stringify(settings.labels),
      'live-restore': 'true',
      'max-concurrent-downloads': String(settings.maxConcurrentDownloads),
      'max-concurrent-uploads': String(settings.maxConcurrentUploads),
      'max-download-attempts': String(settings.maxDownloadAttempts),
      'registry-mirrors': JSON.stringify(settings.registryMirrors),
      runtimes: Object.entries(next.runtimes)
        .map(([name, { path }]) => `${name}:${path}`)
        .join(' '),
      'shutdown-timeout': String(settings.shutdownTimeout),
    },
  };
}

function assign<Name extends keyof Settings>(target: Settings, source: Settings, name: Name): void {
  target[name] = source[name];
}
