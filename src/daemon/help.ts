// `dockerd --help`.
import { buildTime, gitCommit, productName, productVersion } from '../lib/product.ts';
import { optionNames, optionTable } from './options.ts';

const COLUMN = 38;

export function helpText(): string {
  const rows = optionNames
    .map(name => optionTable[name])
    .filter(option => !option.fileOnly && option.unbuilt !== 'always')
    .map(({ flag, short, type, help }) => {
      const left = `  ${short ? `-${short},` : '   '} --${flag}${type.word === undefined ? '' : ` ${type.word}`}`;
      return { flag, line: row(left, help + showDefault(type.absent)) };
    });
  rows.push({ flag: 'help', line: row('      --help', 'Say this') });
  rows.push({ flag: 'version', line: row('  -v, --version', 'Say which version this is') });
  rows.sort((a, b) => (a.flag < b.flag ? -1 : 1));
  return [
    'Usage:  dockerd [OPTIONS]',
    '',
    'The engine that keeps containers, images, volumes and networks.',
    'All of this can also stand in daemon.json (see --config-file).',
    '',
    'Options:',
    ...rows.map(({ line }) => line),
    '',
  ].join('\n');
}

export function versionText(): string {
  const build = [gitCommit, buildTime].filter(part => part !== '').join(', ');
  return `${productName} version ${productVersion}${build === '' ? '' : `, build ${build}`}\n`;
}

function row(left: string, right: string): string {
  return left.length >= COLUMN ? `${left}\n${' '.repeat(COLUMN)}${right}` : left.padEnd(COLUMN) + right;
}

function showDefault(absent: unknown): string {
  if (typeof absent === 'boolean') return absent ? ' (default true)' : '';
  if (typeof absent === 'number') return ` (default ${absent})`;
  return typeof absent === 'string' && absent !== '' ? ` (default "${absent}")` : '';
}
