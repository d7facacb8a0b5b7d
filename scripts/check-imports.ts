// The direction of imports, as docs/architecture.md draws it: a folder may import itself and the folders named here.
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { Glob } from 'bun';

const may: Record<string, readonly string[]> = {
  lib: [],
  wire: [],
  kernel: ['lib'],
  signatures: ['lib'],
  content: ['lib', 'kernel', 'wire'],
  registry: ['lib', 'kernel', 'wire', 'content'],
  runtime: ['lib', 'kernel', 'wire'],
  plugins: ['lib'],
  network: ['lib', 'kernel', 'wire', 'plugins'],
  engine: ['lib', 'kernel', 'wire', 'content', 'registry', 'runtime', 'plugins', 'network', 'signatures'],
  api: ['lib', 'wire', 'engine'],
  daemon: ['lib', 'kernel', 'wire', 'api', 'engine'],
  client: ['lib', 'wire'],
  cli: ['lib', 'wire', 'client', 'kernel', 'signatures', 'registry'],
  // The only file that sees every entry point: which name was I called by.
  'main.ts': ['lib', 'cli', 'daemon', 'registry', 'content', 'runtime', 'network', 'engine'],
};

const root = new URL('..', import.meta.url).pathname;
const problems: string[] = [];
for await (const file of new Glob('src/**/*.ts').scan({ cwd: root })) {
  const from = file.split('/')[1]!;
  const text = readFileSync(join(root, file), 'utf8');
  if (from !== 'kernel' && /from 'bun:ffi'|import\('bun:ffi'\)/.test(text))
    problems.push(`${file}: bun:ffi is for src/kernel`);
  for (const match of text.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)) {
    const target = normalize(join(dirname(file), match[1]!));
    const to = target.split('/')[1]!;
    if (to === from || may[from]?.includes(to)) continue;
    problems.push(`${file}: ${from} may not import ${to} (${match[1]})`);
  }
}
for (const problem of problems.sort()) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
