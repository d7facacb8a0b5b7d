// Docker itself, to test with: its client against our engine, its engine with our client. Debian's packages are unpacked
// beside us rather than installed: installed, they would start an engine, and be a `docker` on the PATH.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findProgram } from './debian-packages.mjs';
import { dist } from './project.mjs';
import { ensureUnpacked } from './unpacked-packages.mjs';

const packages = ['docker.io', 'containerd', 'runc', 'tini', 'libdevmapper1.02.1'];

/** The root directory below whose usr/ Docker's programs are: '/' where they are installed. */
export function ensureOfficialDocker() {
  const installed = ['/usr/bin/docker', '/usr/sbin/dockerd', '/usr/bin/containerd', '/usr/sbin/runc'];
  if (installed.every(path => existsSync(path)) && isOfficial('/usr/bin/docker')) return '/';
  return ensureUnpacked('official-docker', packages, 'Docker itself, as a stranger for the tests');
}

/** Other clients of Docker's on this machine: the more strangers, the better. */
export function otherOfficialClients(root) {
  const candidates = ['/usr/local/bin/docker', '/usr/bin/docker', findProgram('docker')];
  const debian = `${root === '/' ? '' : root}/usr/bin/docker`;
  return [...new Set(candidates)].filter(path => path && path !== debian && isOfficial(path));
}

/** Not ours under the same name. */
function isOfficial(path) {
  if (!path || path.startsWith(dist) || !existsSync(path)) return false;
  // Docker's is a Go program, and says so when asked for its version in detail, with or without an engine.
  const { stdout } = spawnSync(path, ['version', '--format', '{{.Client.GoVersion}}'], {
    encoding: 'utf8',
    env: { ...process.env, DOCKER_HOST: 'unix:///nonexistent' },
  });
  return /^go\d/.test(stdout ?? '');
}
