// `npm test`: sets up what the tests need, then runs the checks and every test. `npm test -- logs volumes` runs the test
// files whose path contains one of the words. The last line is always `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { ensureBuild } from './setup/build.mjs';
import { ensureDebianPackages, testNeeds } from './setup/debian-packages.mjs';
import { ensureMusl } from './setup/musl.mjs';
import { ensureConformanceClients, ensureNpmPackages } from './setup/npm-packages.mjs';
import { ensureOfficialDocker, otherOfficialClients } from './setup/official-docker.mjs';
import { bun, dist, inProject } from './setup/project.mjs';
import { isRoot, requireNode, say, step } from './setup/script.mjs';
import { checks } from './testing/checks.mjs';
import { testGroups } from './testing/files.mjs';
import { runGroup, runToEnd } from './testing/run-group.mjs';
import { makeScratch, removeScratch } from './testing/scratch.mjs';

const sweeper = inProject('test/support/sweep.ts');
const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const scratch = makeScratch();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, leave);
try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error);
  total.failed++;
}
removeScratch(scratch);
if (failures.length > 0) say(`\nFailed:\n${failures.map(name => `  ${name}`).join('\n')}\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
say(`${total.passed} passed, ${total.failed} failed${skipped}`);

async function main(filters) {
  requireNode();
  ensureDebianPackages(testNeeds);
  if (!isRoot()) throw new Error('The tests run real containers, and need root for it: sudo npm test');
  ensureNpmPackages();
  ensureConformanceClients();
  const officialRoot = ensureOfficialDocker();
  const built = tryToBuild();
  const environment = {
    ...process.env,
    DOCKYARD_TEST_DIST: dist,
    DOCKYARD_TEST_OFFICIAL_ROOT: officialRoot,
    DOCKYARD_TEST_MUSL: ensureMusl(),
    DOCKYARD_TEST_OFFICIAL_CLIENTS: otherOfficialClients(officialRoot).join(':'),
    // A person's own settings must not change what is tested.
    DOCKER_HOST: undefined,
    DOCKER_CONTEXT: undefined,
    DOCKER_CONFIG: undefined,
    TMPDIR: scratch,
  };

  if (filters.length === 0) {
    step('Checks');
    for (const { name, command } of checks) {
      const { code, output, how } = await runToEnd(command[0], command.slice(1), 120_000);
      const failed = code === 0 ? 0 : 1;
      record(name, { passed: 1 - failed, failed, skipped: 0, output: `${output}\n${how}\n` });
    }
  }

  // Without a build there is nothing to make engines of.
  const groups = testGroups(filters).filter(({ name }) => built || name.startsWith('src/'));
  if (groups.length === 0) throw new Error(`No test file's path contains ${filters.join(' or ')}.`);
  step('Tests');
  const worker = async () => {
    for (let group = groups.shift(); group; group = groups.shift()) await runAndRecord(group, environment);
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker));
  await sweep();
}

function tryToBuild() {
  try {
    ensureBuild();
    return true;
  } catch (error) {
    record('build', { passed: 0, failed: 1, skipped: 0, output: error.message });
    return false;
  }
}

async function runAndRecord(group, environment) {
  const started = performance.now();
  const result = await runGroup(group, environment);
  if (result.crashed) await sweep();
  if (result.crashed && group.files.length > 1) {
    // Which of them was it, and what do the others say?
    say(`crash ${group.name}: its files are run one by one`);
    for (const file of group.files) await runAndRecord({ ...group, name: file, files: [file] }, environment);
  } else {
    record(group.name, result, performance.now() - started);
  }
}

function record(name, { passed, failed, skipped, output }, milliseconds) {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  const counts = [`${passed} passed`, failed && `${failed} failed`, skipped && `${skipped} skipped`].filter(Boolean);
  const time = milliseconds === undefined ? '' : ` (${(milliseconds / 1000).toFixed(1)} s)`;
  if (failed > 0) {
    failures.push(name);
    say(`\n${output.trimEnd()}`);
  }
  say(`${failed > 0 ? 'FAIL' : 'ok  '}  ${name}: ${counts.join(', ')}${time}`);
  // Who reads the numbers is to know why.
  for (const reason of new Set(output.match(/^left out: .*$/gm))) say(`      ${reason}`);
}

/** Somebody has had enough: the tests end, each with all that it made. */
function leave() {
  // Registered last, after those that end the tests' processes.
  process.once('exit', () => {
    spawnSync(bun, [sweeper], { stdio: 'inherit' });
    removeScratch(scratch);
  });
  process.exit(1);
}

/** Removes what the engines of crashed tests have left behind. */
async function sweep() {
  const { output } = await runToEnd(bun, [sweeper], 120_000);
  if (output.trim() !== '') say(output.trimEnd());
}
