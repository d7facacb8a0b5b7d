// The npm packages of the lockfile, installed when node_modules is not what it says.
import { readFileSync } from 'node:fs';
import { bun, inProject, root } from './project.mjs';
import { run, step, succeeds } from './script.mjs';

export function ensureNpmPackages() {
  if (!installedAsLocked()) {
    step('Installing npm packages');
    // Under `npm run`, npm tells where it is itself; it need not be on the PATH.
    const npm = process.env.npm_execpath;
    const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
    run(command, [...first, 'ci', '--no-audit', '--no-fund'], { cwd: root, quiet: true });
  }
  // npm may be told to run no install scripts; Bun's does nothing but put the executable in its place.
  if (!succeeds(bun, ['--version'])) run(process.execPath, ['install.js'], { cwd: inProject('node_modules/bun') });
}

function installedAsLocked() {
  const wanted = packagesOf('package-lock.json');
  const installed = packagesOf('node_modules/.package-lock.json');
  if (!wanted || !installed) return false;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    // Optional packages are those of other platforms, as a rule.
    return found ? found.version === version : optional === true;
  });
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(inProject(file), 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
