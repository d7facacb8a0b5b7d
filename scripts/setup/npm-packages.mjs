// The npm packages of a lockfile, installed when node_modules is not what it says.
import { readFileSync } from 'node:fs';
import { bun, inProject } from './project.mjs';
import { run, step, succeeds } from './script.mjs';

export function ensureNpmPackages() {
  install('.', []);
  // npm may be told to run no install scripts; Bun's does nothing but put the executable in its place.
  if (!succeeds(bun, ['--version'])) run(process.execPath, ['install.js'], { cwd: inProject('node_modules/bun') });
}

/** Docker clients of others, which only the tests need; nothing of theirs is built. */
export function ensureConformanceClients() {
  install('test/conformance/dockerode', ['--ignore-scripts']);
}

function install(folder, flags) {
  if (installedAsLocked(folder)) return;
  step(`Installing npm packages${folder === '.' ? '' : ` of ${folder}`}`);
  // Under `npm run`, npm tells where it is itself; it need not be on the PATH.
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  run(command, [...first, 'ci', '--no-audit', '--no-fund', ...flags], { cwd: inProject(folder), quiet: true });
}

function installedAsLocked(folder) {
  const wanted = packagesOf(`${folder}/package-lock.json`);
  const installed = packagesOf(`${folder}/node_modules/.package-lock.json`);
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
