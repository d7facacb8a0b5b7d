// What is in dist: one executable under several names. Code splitting with bytecode is what lets a command
// load only its own code.
import { linkSync, mkdirSync, renameSync, rmSync, utimesSync } from 'node:fs';

const dist = new URL('../dist/', import.meta.url).pathname;
const started = new Date();
mkdirSync(dist, { recursive: true });
// Built aside and renamed: an engine that runs from dist keeps its file, and nobody meets half an executable.
const fresh = `${dist}.docker-${process.pid}`;
const commit = Bun.spawnSync(['git', 'rev-parse', '--short=7', 'HEAD'], { cwd: dist, stderr: 'ignore' }).stdout;
const result = await Bun.build({
  entrypoints: [new URL('../src/main.ts', import.meta.url).pathname],
  compile: {
    outfile: fresh,
    // The directory somebody stands in is theirs: a project's .env must not change which engine `docker` talks to.
    autoloadDotenv: false,
    autoloadBunfig: false,
  },
  bytecode: true,
  minify: true,
  splitting: true,
  format: 'esm',
  target: 'bun',
  define: {
    'process.env.DOCKYARD_GIT_COMMIT': JSON.stringify(commit.toString().trim()),
    'process.env.DOCKYARD_BUILD_TIME': JSON.stringify(started.toISOString()),
  },
});
for (const log of result.logs) console.error(log);
if (!result.success) process.exit(1);
// What changed while we were building is newer than this.
utimesSync(fresh, started, started);
for (const name of ['docker', 'dockerd', 'dockyard', 'docker-credential-dockyard']) {
  linkSync(fresh, `${fresh}-${name}`);
  renameSync(`${fresh}-${name}`, `${dist}${name}`);
  // Renaming one link onto another of the same file does nothing and leaves both.
  rmSync(`${fresh}-${name}`, { force: true });
}
rmSync(fresh);
