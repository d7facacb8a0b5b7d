// `npm run bench`: what Docker and Dockyard cost, side by side. Rows and options: test/bench/main.ts.
import { spawnSync } from 'node:child_process';
import { ensureBuild } from './setup/build.mjs';
import { engineNeeds, ensureDebianPackages, testNeeds } from './setup/debian-packages.mjs';
import { ensureNpmPackages } from './setup/npm-packages.mjs';
import { ensureOfficialDocker } from './setup/official-docker.mjs';
import { bun, dist, root } from './setup/project.mjs';
import { Failure, isRoot, requireNode, script } from './setup/script.mjs';

const needs = [
  ...engineNeeds,
  ...testNeeds.filter(({ program }) => ['ip', 'skopeo', 'docker-registry'].includes(program)),
  {
    program: 'nsenter',
    package: 'util-linux',
    for: 'networks apart',
    others: ['util-linux', 'util-linux', 'util-linux'],
  },
  {
    program: 'mkfs.ext4',
    package: 'e2fsprogs',
    for: 'file systems apart',
    others: ['e2fsprogs', 'e2fsprogs', 'e2fsprogs'],
  },
  { program: 'iperf3', package: 'iperf3', for: 'what goes through networks', others: ['iperf3', 'iperf3', 'iperf3'] },
];

await script(() => {
  requireNode();
  ensureDebianPackages(needs);
  if (!isRoot()) throw new Failure('The benchmark runs two engines, and needs root for it: sudo npm run bench');
  ensureNpmPackages();
  const officialRoot = ensureOfficialDocker();
  ensureBuild();
  const args = ['test/bench/main.ts', ...process.argv.slice(2)];
  const env = { ...process.env, DOCKYARD_TEST_DIST: dist, DOCKYARD_TEST_OFFICIAL_ROOT: officialRoot };
  return spawnSync(bun, args, { stdio: 'inherit', cwd: root, env }).status ?? 1;
});
