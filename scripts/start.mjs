// `npm start`: from a fresh clone to a running engine and a first container. Called again, it finds everything in place.
import { spawnSync } from 'node:child_process';
import { ensureBuild } from './setup/build.mjs';
import { engineNeeds, ensureDebianPackages, findProgram } from './setup/debian-packages.mjs';
import { choosePlace, startEngine } from './setup/engine.mjs';
import { ensureNpmPackages } from './setup/npm-packages.mjs';
import { dist } from './setup/project.mjs';
import { Failure, isRoot, requireNode, say, script, step } from './setup/script.mjs';

await script(async () => {
  requireNode();
  ensureDebianPackages(engineNeeds);
  if (!isRoot()) throw new Failure('The engine needs root to make containers: sudo npm start');
  ensureNpmPackages();
  const rebuilt = ensureBuild();

  const place = await choosePlace();
  if (place.other) step(`Another engine listens on ${place.other}; it is left alone, ours uses ${place.socket}`);
  if (place.who === 'ours') {
    step(`The engine is running on ${place.socket}`);
    if (rebuilt) say('    (from before this build; `npm stop && npm start` changes over, and containers run on)');
  } else {
    step(`Starting the engine on ${place.socket}`);
    await startEngine(place);
  }

  step('docker run --rm hello-world\n');
  const host = `unix://${place.socket}`;
  const hello = spawnSync(`${dist}/docker`, ['run', '--rm', 'hello-world'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DOCKER_HOST: host },
  });
  if (hello.status !== 0) throw new Failure(`The hello-world container failed (exit code ${hello.status}).`);
  sayWhatNext(place.isDefault ? undefined : host);
});

function sayWhatNext(host) {
  const other = findProgram('docker');
  say('\nDockyard is running. Put it on your PATH in this terminal:\n');
  say(`  export PATH="${dist}:$PATH"`);
  if (host) say(`  export DOCKER_HOST=${host}`);
  else if (process.env.DOCKER_HOST && !process.env.DOCKER_HOST.startsWith('unix://')) say('  unset DOCKER_HOST');
  if (other && !other.startsWith(dist)) say(`\n(${other} stays as it is, and can talk to this engine too.)`);
  say('\nThen try:\n');
  say('  docker run -it --rm busybox');
  say('  docker run -d --name clock busybox sh -c "while date; do sleep 1; done" && docker logs -f clock');
  say('  docker ps');
  say('\n`npm stop` stops the engine; containers run on without it.');
}
