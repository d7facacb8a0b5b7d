import { afterAll, beforeEach, expect, test } from 'bun:test';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { updateHosts, writeEtcFiles } from './etc-files.ts';
import type { ContainerPaths } from './paths.ts';

const directory = mkdtempSync(join(tmpdir(), 'etc-'));
const paths = {
  directory,
  hosts: `${directory}/hosts`,
  hostname: `${directory}/hostname`,
  resolvConf: `${directory}/resolv.conf`,
} as ContainerPaths;

const FIRST = { address: '10.0.0.2', names: ['me'] };
const SECOND = { address: '10.1.0.2', names: ['me'] };
/** Behind those that are always there. */
const lines = () => readFileSync(paths.hosts, 'latin1').trimEnd().split('\n').slice(6);

beforeEach(() => writeEtcFiles(paths, { hostname: 'me', hosts: [FIRST], resolvConf: '' }));
afterAll(() => rmSync(directory, { recursive: true }));

test('what a container has written into its hosts stays, where it is', () => {
  appendFileSync(paths.hosts, '1.2.3.4 mine # \xff', 'latin1');
  updateHosts(paths, [FIRST, SECOND]);
  expect(lines()).toEqual(['10.0.0.2\tme', '1.2.3.4 mine # \xff', '10.1.0.2\tme']);
  updateHosts(paths, [SECOND]);
  expect(lines()).toEqual(['1.2.3.4 mine # \xff', '10.1.0.2\tme']);
});

test('what it has taken out does not come back', () => {
  writeFileSync(paths.hosts, '1.2.3.4 mine\n');
  updateHosts(paths, [FIRST]);
  expect(readFileSync(paths.hosts, 'utf8')).toBe('1.2.3.4 mine\n');
  updateHosts(paths, [SECOND]);
  expect(readFileSync(paths.hosts, 'utf8')).toBe('1.2.3.4 mine\n10.1.0.2\tme\n');
});

test('a file that is not there, or too large to be one, is made anew', () => {
  truncateSync(paths.hosts, 2 ** 33);
  updateHosts(paths, [SECOND]);
  expect(lines()).toEqual(['10.1.0.2\tme']);
  rmSync(`${paths.hosts}.written`);
  updateHosts(paths, [FIRST]);
  expect(lines()).toEqual(['10.0.0.2\tme']);
});

test('a start begins with the engine’s lines alone', () => {
  appendFileSync(paths.hosts, '1.2.3.4 mine\n');
  writeEtcFiles(paths, { hostname: 'me', hosts: [SECOND], resolvConf: '' });
  expect(lines()).toEqual(['10.1.0.2\tme']);
});
