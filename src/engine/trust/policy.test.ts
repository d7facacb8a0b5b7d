import { afterAll, describe, expect, test } from 'bun:test';
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { generateSigningKey } from '../../signatures/private-keys.ts';
import { parsePolicy, readPolicy, rulingFor } from './policy.ts';

const directory = mkdtempSync(`${tmpdir()}/policy-`);
afterAll(() => rmSync(directory, { recursive: true }));
writeFileSync(`${directory}/a.pub`, createPublicKey(generateSigningKey()).export({ type: 'spki', format: 'pem' }));

const rule = (...repositories: string[]) => ({ repositories, mode: 'enforce', keys: ['a.pub'] });
const policy = (value: object) => parsePolicy(JSON.stringify(value), directory);

describe('a policy', () => {
  test('that is not there says nothing', () => {
    expect(readPolicy(`${directory}/none.json`)).toBeUndefined();
    expect(rulingFor(undefined, 'docker.io/library/busybox').mode).toBe('off');
  });

  test('names repositories as people write them, or by patterns; the first rule that fits counts', () => {
    const given = policy({
      default: 'warn',
      rules: [
        { ...rule('busybox'), mode: 'warn' },
        { repositories: ['registry.example/team/open*'], mode: 'off' },
        rule('registry.example/team/*', 'localhost:5000/*', 'docker.io/library/*'),
      ],
    });
    const modes = {
      'docker.io/library/busybox': 'warn',
      'docker.io/library/alpine': 'enforce',
      'registry.example/team/app': 'enforce',
      'registry.example/team/deep/app': 'enforce',
      'registry.example/team/open-source': 'off',
      'registry.example/teams/app': 'warn',
      'registryXexample/team/app': 'warn',
      'evil.example/registry.example/team/app': 'warn',
      'localhost:5000/x': 'enforce',
    };
    for (const [repository, mode] of Object.entries(modes)) {
      expect([repository, rulingFor(given, repository).mode]).toEqual([repository, mode]);
    }
    expect(rulingFor(given, 'registry.example/team/app').pattern).toBe('registry.example/team/*');
    expect(rulingFor(given, 'registry.example/team/app').signers.keys[0]!.name).toBe('a.pub');
  });

  const mistakes: Record<string, [value: unknown, complaint: string]> = {
    'is a list': [[], 'it is no JSON object'],
    'has a field nobody knows': [{ defualt: 'off' }, 'a field "defualt", which is not known'],
    'has a wrong default': [{ default: 'no' }, '"default" must be one of "enforce", "warn", "off"'],
    'has rules that are no list': [{ rules: {} }, '"rules" is no list'],
    'has a rule for nothing': [{ rules: [rule()] }, 'rule 1 names no "repositories"'],
    'has a rule without mode': [{ rules: [{ repositories: ['a'], keys: ['a.pub'] }] }, '"mode" of rule 1'],
    'enforces without keys': [
      { rules: [{ repositories: ['a'], mode: 'enforce' }] },
      'neither "keys" nor "certificates"',
    ],
    'names a key that is not there': [{ rules: [{ ...rule('a'), keys: ['b.pub'] }] }, '"keys" of rule 1: ENOENT'],
    'names a tag': [{ rules: [rule('busybox:1')] }, 'has a tag or digest'],
    'has a pattern without a registry': [{ rules: [rule('library/*')] }, 'does not begin with a registry'],
    'has a pattern of odd characters': [{ rules: [rule('docker.io/(a|b)*')] }, 'does not begin with a registry'],
    'has an identity that is none': [{ rules: [{ ...rule('a'), identities: ['Acme'] }] }, 'the identity "Acme"'],
    'has a level of another tool': [{ rules: [{ ...rule('a'), level: 'audit' }] }, 'modes "warn" and "off"'],
  };
  for (const [what, [value, complaint]] of Object.entries(mistakes)) {
    test(`that ${what} is refused`, () => {
      writeFileSync(`${directory}/policy.json`, JSON.stringify(value));
      expect(() => readPolicy(`${directory}/policy.json`)).toThrow(complaint);
      expect(() => readPolicy(`${directory}/policy.json`)).toThrow(
        `the trust policy ${directory}/policy.json is wrong`,
      );
    });
  }

  test('that is no JSON is refused', () => {
    writeFileSync(`${directory}/policy.json`, '{');
    expect(() => readPolicy(`${directory}/policy.json`)).toThrow('it is no JSON');
  });
});
