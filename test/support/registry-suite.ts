// The distribution specification's own conformance suite: a Go program, built once by the version that is pinned here.
import { existsSync, mkdirSync } from 'node:fs';
import { run } from './process.ts';

const MODULE = 'github.com/opencontainers/distribution-spec/conformance';
const VERSION = 'v0.0.0-20260831232431-97274622c111';
const BUILD_PATIENCE_MS = 150_000;

const directory = new URL(`../../.cache/registry-suite/${VERSION}`, import.meta.url).pathname;

/** Where it is; or why it is not to be had on this machine. */
export async function registrySuite(): Promise<{ path: string } | { missing: string }> {
  const path = `${directory}/conformance`;
  if (existsSync(path)) return { path };
  const go = Bun.which('go') ?? (existsSync('/usr/local/go/bin/go') ? '/usr/local/go/bin/go' : null);
  if (go === null) return { missing: 'it is built with Go, which is not installed' };
  mkdirSync(directory, { recursive: true });
  const environment = {
    ...process.env,
    GOBIN: directory,
    GOFLAGS: '-mod=mod',
    // Go wants to know where to keep what it fetches, and HOME may not be set.
    ...(process.env['HOME'] === undefined && { GOCACHE: `${directory}/build`, GOPATH: `${directory}/modules` }),
  };
  try {
    const { code, stderr } = await run([go, 'install', `${MODULE}@${VERSION}`], {
      environment,
      within: BUILD_PATIENCE_MS,
    });
    if (code === 0) return { path };
    return { missing: `it could not be built: ${stderr.trim().split('\n').at(-1)}` };
  } catch (error) {
    return {
      missing: `it could not be built in time: ${error instanceof Error ? error.message.split('\n')[0] : error}`,
    };
  }
}
