// A docker client nobody here wrote, to test the engine with. One that is installed is used; else Debian's package is
// unpacked beside us: installed, it would bring an engine of its own and could start it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { findProgram } from './debian-packages.mjs';
import { dist, inProject } from './project.mjs';
import { Failure, run, step } from './script.mjs';

const unpacked = inProject('.cache/official-client');

export function ensureOfficialClient() {
  const installed = ['/usr/local/bin/docker', '/usr/bin/docker', findProgram('docker')];
  const found = [...installed, `${unpacked}/usr/bin/docker`].find(isOfficial);
  if (found) return found;
  if (!findProgram('apt-get')) throw new Failure("The tests use Docker's own client: install it (without its engine).");
  step("Fetching Docker's own client from Debian (for the tests alone; nothing is installed)");
  const fresh = `${unpacked}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const download = () => run('apt-get', ['-q', 'download', 'docker.io'], { cwd: fresh, quiet: true });
  try {
    download();
  } catch {
    // As on a system whose package lists were never fetched.
    run('apt-get', ['-q', 'update'], { quiet: true });
    download();
  }
  const archive = readdirSync(fresh).find(name => name.endsWith('.deb'));
  run('dpkg-deb', ['-x', `${fresh}/${archive}`, fresh], { quiet: true });
  rmSync(`${fresh}/${archive}`);
  for (const name of readdirSync(`${fresh}/usr`)) {
    if (name !== 'bin') rmSync(`${fresh}/usr/${name}`, { recursive: true });
  }
  rmSync(unpacked, { recursive: true, force: true });
  renameSync(fresh, unpacked);
  return `${unpacked}/usr/bin/docker`;
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
