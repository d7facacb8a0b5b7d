// dist/, made anew when something it is made from is newer.
import { readdirSync, statSync } from 'node:fs';
import { bun, dist, inProject, root } from './project.mjs';
import { run, step } from './script.mjs';

const programs = ['docker', 'dockerd'];
const sources = ['src', 'scripts/build.ts', 'package-lock.json', 'tsconfig.json'];

/** True when it had to be built. */
export function ensureBuild() {
  const built = Math.min(...programs.map(name => modified(`${dist}/${name}`)));
  if (built > Math.max(...sources.map(path => newest(inProject(path))))) return false;
  step('Building dist/docker and dist/dockerd');
  run(bun, ['scripts/build.ts'], { cwd: root, quiet: true });
  return true;
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  const entries = readdirSync(path).filter(name => !name.endsWith('.test.ts'));
  // A directory's own time tells of files removed.
  return Math.max(stat.mtimeMs, ...entries.map(name => newest(`${path}/${name}`)));
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
