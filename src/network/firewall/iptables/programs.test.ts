import { afterEach, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findIptables } from './programs.ts';

const PATH = process.env['PATH'];
const made: string[] = [];

afterEach(() => {
  process.env['PATH'] = PATH;
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true });
});

/** A host's programs: files, and links to them. */
function hostWith(programs: Record<string, string>): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'programs-'));
  made.push(directory);
  const place = (name: string) => join(directory, name);
  for (const name of new Set(Object.values(programs))) {
    writeFileSync(place(name), '');
    chmodSync(place(name), 0o755);
  }
  for (const [name, target] of Object.entries(programs)) symlinkSync(target, place(name));
  process.env['PATH'] = directory;
  return place;
}

const both = { 'iptables-save': 'xtables-nft-multi', 'iptables-legacy-save': 'xtables-legacy-multi' };
const has = () => true;
const hasNot = () => false;

test('the host’s choice is taken', () => {
  const place = hostWith(both);
  expect(findIptables(4, 'save', has)).toBe(place('iptables-save'));
});

test('the newer iptables is not, where the kernel has no nf_tables', () => {
  const place = hostWith(both);
  expect(findIptables(4, 'save', hasNot)).toBe(place('iptables-legacy-save'));
});

test('the older one is the host’s choice on some', () => {
  const place = hostWith({ 'ip6tables-restore': 'xtables-legacy-multi' });
  expect(findIptables(6, 'restore', hasNot)).toBe(place('ip6tables-restore'));
});
