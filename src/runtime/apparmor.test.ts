import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apparmorProfile, loadDefaultProfile, profileText } from './apparmor.ts';
import { host, specInput } from './oci/fixture.ts';
import { buildSpec } from './oci/spec.ts';

let base: string;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'dockyard-apparmor-'));
});
afterAll(() => rmSync(base, { recursive: true }));

const withAppArmor = { ...host, apparmor: true };

test('a container gets the profile it names, or the default; a privileged one is confined only if it asks for it', () => {
  const profile = (hostConfig: object) => apparmorProfile(hostConfig, withAppArmor, 'docker-default');
  expect(profile({})).toBe('docker-default');
  expect(profile({ SecurityOpt: ['apparmor=mine'] })).toBe('mine');
  expect(profile({ SecurityOpt: ['apparmor=unconfined'] })).toBe('unconfined');
  expect(profile({ Privileged: true })).toBe('unconfined');
  expect(profile({ Privileged: true, SecurityOpt: ['apparmor=mine'] })).toBe('mine');
  expect(apparmorProfile({}, withAppArmor, undefined)).toBeUndefined();
  expect(apparmorProfile({ SecurityOpt: ['apparmor=mine'] }, host, 'docker-default')).toBeUndefined();
});

test('it reaches the runtime', () => {
  const input = specInput();
  const defaults = { ...input.defaults, apparmorProfile: 'docker-default' };
  expect(buildSpec({ ...input, host: withAppArmor, defaults }).spec.process.apparmorProfile).toBe('docker-default');
  expect(buildSpec({ ...input, defaults }).spec.process.apparmorProfile).toBeUndefined();
});

/** A parser that keeps what it is told. */
function parser(name: string, ending: string): string {
  const path = join(base, name);
  writeFileSync(path, `#!/bin/sh\necho "$@" > ${path}.args\ncat > ${path}.in\n${ending}\n`, { mode: 0o755 });
  return path;
}

test('the profile is loaded where the kernel does not have it yet', async () => {
  const list = join(base, 'profiles');
  writeFileSync(list, 'docker-default-other (enforce)\nunconfined (unconfined)\n');
  const path = parser('good', 'exit 0');
  expect(await loadDefaultProfile(path, list)).toBe('docker-default');
  expect(readFileSync(`${path}.in`, 'utf8')).toBe(profileText('docker-default'));
  expect(readFileSync(`${path}.args`, 'utf8')).toContain('--replace');

  writeFileSync(list, 'docker-default (enforce)\n');
  expect(await loadDefaultProfile('/nowhere/parser', list)).toBe('docker-default');
});

test('a parser that fails or is not there says so', async () => {
  const nothing = join(base, 'none');
  await expect(loadDefaultProfile(parser('bad', 'echo syntax error >&2; exit 1'), nothing)).rejects.toThrow('syntax');
  await expect(loadDefaultProfile('/nowhere/parser', nothing)).rejects.toThrow('install the package apparmor');
});
