// dist/docker and dist/dockerd: one executable under two names. Code splitting with bytecode is what lets a command
// load only its own code.
import { linkSync, mkdirSync, rmSync } from 'node:fs';

const dist = new URL('../dist/', import.meta.url).pathname;
mkdirSync(dist, { recursive: true });
const result = await Bun.build({
  entrypoints: [new URL('../src/main.ts', import.meta.url).pathname],
  compile: { outfile: `${dist}docker` },
  bytecode: true,
  minify: true,
  splitting: true,
  format: 'esm',
  target: 'bun',
});
for (const log of result.logs) console.error(log);
if (!result.success) process.exit(1);
for (const name of ['dockerd', 'dockyard']) {
  rmSync(`${dist}${name}`, { force: true });
  linkSync(`${dist}docker`, `${dist}${name}`);
}
