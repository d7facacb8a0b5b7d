// `npm run check`: types, format and lint, import directions, documentation.
import { spawnSync } from 'node:child_process';
import { ensureNpmPackages } from './setup/npm-packages.mjs';
import { root } from './setup/project.mjs';
import { requireNode, script, step } from './setup/script.mjs';
import { checks } from './testing/checks.mjs';

await script(() => {
  requireNode();
  ensureNpmPackages();
  const failed = checks.filter(({ name, command: [program, ...args] }) => {
    step(name);
    return spawnSync(program, args, { stdio: 'inherit', cwd: root }).status !== 0;
  });
  return failed.length > 0 ? 1 : 0;
});
