import { readFileSync } from 'node:fs';
import { invalid, messageOf } from '../../lib/errors.ts';
import type { EngineDefaults } from '../../runtime/oci/spec.ts';
import { parseProfile } from '../../runtime/seccomp/profile.ts';
import type { EngineConfig } from '../config.ts';

let profile: { path: string; text: string } | undefined;

/** The engine's part of each container's specification. A profile's file is read once. */
export function specDefaults(config: EngineConfig, apparmorProfile: string | undefined): EngineDefaults {
  return {
    ulimits: config.defaultUlimits,
    shmSize: config.defaultShmSize,
    noNewPrivileges: config.noNewPrivileges,
    seccompProfile: seccompProfile(config.seccompProfile),
    ...(apparmorProfile && { apparmorProfile }),
    init: config.init,
    initPath: config.initPath ?? initOnPath(),
  };
}

function seccompProfile(setting: string): string {
  if (setting === 'builtin' || setting === 'unconfined') return setting;
  if (profile?.path !== setting) profile = { path: setting, text: readProfileFile(setting) };
  return profile.text;
}

function readProfileFile(path: string): string {
  try {
    const text = readFileSync(path, 'utf8');
    parseProfile(text);
    return text;
  } catch (error) {
    throw invalid(`--seccomp-profile ${path}: ${messageOf(error)}`, error);
  }
}

let init: string | undefined;

/** Looked for until it is found: installing it while the engine runs is enough. */
function initOnPath(): string | undefined {
  init ??= Bun.which('docker-init') ?? Bun.which('tini-static') ?? undefined;
  return init;
}
