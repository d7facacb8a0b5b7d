// Debian packages unpacked beside us rather than installed: for tests alone, and gone with .cache.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { findProgram } from './debian-packages.mjs';
import { inProject } from './project.mjs';
import { Failure, run, step } from './script.mjs';

/** The directory below which the packages' files are; `why` says what the tests want them for. */
export function ensureUnpacked(name, packages, why) {
  const unpacked = inProject(`.cache/${name}`);
  if (existsSync(unpacked)) return unpacked;
  if (!findProgram('apt-get')) {
    throw new Failure(`The tests need packages of Debian 12, ${why} (${packages.join(', ')}): run them there.`);
  }
  step(`Fetching ${packages.join(', ')}, ${why} (unpacked in .cache, not installed)`);
  const fresh = `${unpacked}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const download = () => run('apt-get', ['-q', 'download', ...packages], { cwd: fresh, quiet: true });
  try {
    download();
  } catch {
    // As on a system whose package lists were never fetched.
    run('apt-get', ['-q', 'update'], { quiet: true });
    download();
  }
  for (const archive of readdirSync(fresh).filter(file => file.endsWith('.deb'))) {
    run('dpkg-deb', ['-x', `${fresh}/${archive}`, fresh], { quiet: true });
    rmSync(`${fresh}/${archive}`);
  }
  rmSync(`${fresh}/usr/share`, { recursive: true, force: true });
  renameSync(fresh, unpacked);
  return unpacked;
}
