// Runs one of our TypeScript programs with the pinned Bun, which is installed first if need be.
import { spawnSync } from 'node:child_process';
import { ensureNpmPackages } from './setup/npm-packages.mjs';
import { bun } from './setup/project.mjs';
import { requireNode, script } from './setup/script.mjs';

await script(() => {
  requireNode();
  ensureNpmPackages();
  return spawnSync(bun, process.argv.slice(2), { stdio: 'inherit' }).status ?? 1;
});
