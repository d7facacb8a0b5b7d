// The documentation holds together: links lead somewhere, and every decision and npm package has its place.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Glob } from 'bun';

const root = new URL('..', import.meta.url).pathname;
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const problems: string[] = [];

/** What a heading is linked by. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
const anchorsIn = (path: string) => [...read(path).matchAll(/^#+ (.*)$/gm)].map(match => anchorOf(match[1]!));

const pages = ['README.md', ...new Glob('docs/**/*.md').scanSync({ cwd: root })].sort();
for (const page of pages) {
  for (const [, link = ''] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link)) continue;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(root, target))) problems.push(`${page}: ${link} is not there`);
    else if (anchor && !anchorsIn(target).includes(anchor)) problems.push(`${page}: ${link} has no such heading`);
  }
}

const numbers = new Map<string, string>();
for (const page of pages.filter(path => path.startsWith('docs/decisions/'))) {
  const number = page.slice('docs/decisions/'.length, 'docs/decisions/0000'.length);
  const other = numbers.get(number);
  if (other) problems.push(`${page}: ${other} has the same number`);
  numbers.set(number, page);
  if (!read(page).startsWith(`# ${Number(number)}. `))
    problems.push(`${page}: its title does not begin with "${Number(number)}."`);
}

const listed = read('docs/dependencies.md');
const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
  if (!listed.includes(`| ${name} |`)) problems.push(`docs/dependencies.md: ${name} has no line`);
  if (!/^\d/.test(version)) problems.push(`package.json: ${name} is not pinned (${version})`);
}
if (/"resolved":/.test(read('package-lock.json'))) problems.push('package-lock.json names a registry');

for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
