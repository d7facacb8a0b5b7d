// Which tests there are, and which run together in one process.
import { existsSync, readdirSync } from 'node:fs';
import { inProject } from '../setup/project.mjs';

const minutes = count => count * 60_000;

/**
 * One group is one `bun test` process: a folder of src (unit tests are quick), or one file of test/ (each has an engine
 * of its own, and what one breaks must not show in another). The longest come first, so that they do not come last alone.
 */
export function testGroups(filters) {
  const wanted = path => filters.length === 0 || filters.some(filter => path.includes(filter));
  const unit = testsUnder('src').filter(wanted);
  const folders = [...new Set(unit.map(folderOf))];
  const groups = folders.map(folder => {
    return { name: folder, files: unit.filter(path => folderOf(path) === folder), limit: minutes(6) };
  });
  const alone = testsUnder('test')
    .filter(wanted)
    .map(path => ({ name: path, files: [path], limit: minutes(path.startsWith('test/chaos/') ? 8 : 6) }));
  return [...alone.filter(isChaos), ...groups, ...alone.filter(group => !isChaos(group))];
}

const isChaos = group => group.name.startsWith('test/chaos/');

/** The engine's nouns are folders of their own: together they would take as long as all the rest. */
const folderOf = path => {
  const folders = path.split('/').slice(0, -1);
  return folders.slice(0, folders[1] === 'engine' ? 3 : 2).join('/');
};

function testsUnder(folder) {
  if (!existsSync(inProject(folder))) return [];
  return readdirSync(inProject(folder), { recursive: true })
    .filter(name => name.endsWith('.test.ts'))
    .map(name => `${folder}/${name}`)
    .sort();
}
