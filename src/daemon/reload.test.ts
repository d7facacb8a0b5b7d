import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineConfig } from '../engine/config.ts';
import { engineConfig } from './engine-config.ts';
import type { Settings } from './options.ts';
import { reload } from './reload.ts';
import { settingsOf } from './settings.ts';

let directory: string;
let file: string;
let flags: Partial<Settings>;
let settings: Settings;
let config: EngineConfig;

const write = (content: object | string) =>
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dockyard-reload-'));
  file = join(directory, 'daemon.json');
  write({ labels: ['a=b'], 'log-driver': 'local' });
  flags = { configFile: file, maxConcurrentUploads: 9 };
  settings = settingsOf(flags).settings;
  config = engineConfig(settings, { dataRoot: '/d', execRoot: '/e', environment: {}, apiWarnings: [] });
});
afterEach(() => rmSync(directory, { recursive: true }));

test('what may change does, in the configuration the engine reads', () => {
  write({
    debug: true,
    labels: ['c=d'],
    'insecure-registries': ['r:5000'],
    'registry-mirrors': ['https://m'],
    'max-concurrent-downloads': 7,
    'shutdown-timeout': 2,
    runtimes: { my: { path: '/bin/my' } },
    'default-runtime': 'my',
  });
  const { attributes } = reload(settings, flags, config);
  expect(config).toMatchObject({
    debug: true,
    labels: ['c=d'],
    insecureRegistries: ['r:5000'],
    registryMirrors: ['https://m'],
    maxConcurrentDownloads: 7,
    maxConcurrentUploads: 9,
    shutdownTimeout: 2,
    defaultRuntime: 'my',
    dataRoot: '/d',
  });
  expect(config.runtimes['my']).toEqual({ path: '/bin/my', args: [] });
  expect(attributes).toMatchObject({ debug: 'true', labels: '["c=d"]', 'default-runtime': 'my' });
});

test('what may not change waits for the next start', () => {
  write({ 'log-driver': 'none', icc: false });
  reload(settings, flags, config);
  expect(config.logDriver).toBe('local');
  expect(config.network.icc).toBe(true);
});

test('what has gone from the file is as it was without it', () => {
  write({});
  reload(settings, flags, config);
  expect(config.labels).toEqual([]);
});

test.each(['{', '{"foo":1}', '{"debug":1}', '{"max-concurrent-uploads":1}', '{"default-runtime":"nope"}'])(
  'a file like %s changes nothing',
  content => {
    write(content);
    const before = structuredClone(config);
    expect(() => reload(settings, flags, config)).toThrow();
    expect(config).toEqual(before);
  },
);
