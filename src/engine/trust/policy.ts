// The trust policy: a JSON file that says for which repositories whose signatures are wanted. Read afresh whenever it is
// asked, so that a change counts at once; a file that can't be read stops what it should have judged.
import type { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { failed, invalid, messageOf } from '../../lib/errors.ts';
import { isJsonObject, type JsonObject } from '../../lib/json-object.ts';
import { parseReference, repositoryOf } from '../../lib/reference.ts';
import { parseIdentity, readCertificates } from '../../signatures/certificates.ts';
import { type PublicKey, readPublicKeys } from '../../signatures/keys.ts';
import type { Identity, TrustedSigners } from '../../signatures/signature.ts';

/** enforce: without a good signature, nothing. warn: it is said. off: nobody looks. */
export type Mode = 'enforce' | 'warn' | 'off';

export interface Rule {
  /** As they stand in the file. */
  patterns: readonly string[];
  mode: Mode;
  signers: TrustedSigners;
}

export interface Policy {
  default: Mode;
  rules: readonly Rule[];
}

/** What the policy says of one repository. */
export interface Ruling {
  mode: Mode;
  /** '' if no rule names it. */
  pattern: string;
  signers: TrustedSigners;
}

const NO_SIGNERS: TrustedSigners = { keys: [], certificates: [], identities: [], level: 'strict' };
const NO_POLICY: Policy = { default: 'off', rules: [] };
const MODES: readonly Mode[] = ['enforce', 'warn', 'off'];

/** Undefined if there is no such file. */
export function readPolicy(path: string): Policy | undefined {
  let text: string;
  try {
    // The usual case, and one that every container pays for: cheaper than an error of `open`.
    if (!existsSync(path)) return undefined;
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw failed(`the trust policy ${path} cannot be read: ${messageOf(error)}`, error);
  }
  try {
    return parsePolicy(text, dirname(path));
  } catch (error) {
    throw failed(`the trust policy ${path} is wrong: ${messageOf(error)}`, error);
  }
}

export function rulingFor(policy: Policy = NO_POLICY, repository: string): Ruling {
  for (const { patterns, mode, signers } of policy.rules) {
    const pattern = patterns.find(each => matcher(each).test(repository));
    if (pattern !== undefined) return { mode, pattern, signers };
  }
  return { mode: policy.default, pattern: '', signers: NO_SIGNERS };
}

/** Paths in it are relative to `directory`. */
export function parsePolicy(text: string, directory: string): Policy {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(`it is no JSON (${messageOf(error)})`, error);
  }
  if (!isJsonObject(json)) throw invalid('it is no JSON object');
  onlyKnown(json, ['default', 'rules'], 'the policy');
  const fallback = json['default'] === undefined ? 'off' : modeOf(json['default'], '"default"');
  const rules = json['rules'] ?? [];
  if (!Array.isArray(rules)) throw invalid('"rules" is no list');
  return { default: fallback, rules: rules.map((rule: unknown, at) => ruleOf(rule, `rule ${at + 1}`, directory)) };
}

function ruleOf(value: unknown, where: string, directory: string): Rule {
  if (!isJsonObject(value)) throw invalid(`${where} is no JSON object`);
  onlyKnown(value, ['repositories', 'mode', 'keys', 'certificates', 'identities', 'level'], where);
  const patterns = strings(value, 'repositories', where);
  if (patterns.length === 0) throw invalid(`${where} names no "repositories"`);
  for (const pattern of patterns) checkPattern(pattern, where);
  const mode = modeOf(value['mode'], `"mode" of ${where}`);
  const level = value['level'] ?? 'strict';
  if (level !== 'strict' && level !== 'permissive') {
    throw invalid(
      `"level" of ${where} must be "strict" or "permissive"; for Notation's "audit" and "skip" there are the modes "warn" and "off"`,
    );
  }
  const read = <T>(name: string, parse: (content: Buffer, path: string) => T[]): T[] =>
    strings(value, name, where).flatMap(path =>
      parse(contentOf(resolve(directory, path), `"${name}" of ${where}`), path),
    );
  const keys: PublicKey[] = read('keys', (content, path) => readPublicKeys(content.toString(), path));
  const certificates: X509Certificate[] = read('certificates', readCertificates);
  if (mode !== 'off' && keys.length === 0 && certificates.length === 0) {
    throw invalid(`${where} wants signatures ("${mode}"), but names neither "keys" nor "certificates"`);
  }
  return { patterns, mode, signers: { keys, certificates, identities: identitiesOf(value, where), level } };
}

function identitiesOf(value: JsonObject, where: string): Identity[] {
  const identities = strings(value, 'identities', where).map(parseIdentity);
  // "*" among others is everybody.
  return identities.some(each => each === undefined) ? [] : identities.filter(each => each !== undefined);
}

function modeOf(value: unknown, where: string): Mode {
  const mode = MODES.find(each => each === value);
  if (mode) return mode;
  throw invalid(`${where} must be one of ${MODES.map(each => `"${each}"`).join(', ')}, not ${JSON.stringify(value)}`);
}

function contentOf(path: string, where: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw invalid(`${where}: ${messageOf(error)}`, error);
  }
}

function strings(value: JsonObject, name: string, where: string): string[] {
  const list = value[name] ?? [];
  if (Array.isArray(list) && list.every(each => typeof each === 'string')) return list;
  throw invalid(`"${name}" of ${where} is no list of texts`);
}

function onlyKnown(value: JsonObject, known: readonly string[], where: string): void {
  const unknown = Object.keys(value).find(name => !known.includes(name));
  if (unknown !== undefined)
    throw invalid(`${where} has a field "${unknown}", which is not known (known: ${known.join(', ')})`);
}

/** One repository as people write it, or with `*` for any characters: then it must be a whole name, registry and all. */
function checkPattern(pattern: string, where: string): void {
  if (!pattern.includes('*')) {
    if (/[:@][^/]*$/.test(pattern.replace(/^[^/]*\//, ''))) {
      throw invalid(`${where}: "${pattern}" has a tag or digest; a policy is for repositories`);
    }
    parseReference(pattern);
    return;
  }
  const [first] = pattern.split('/', 1);
  const wellFormed = /^[a-zA-Z0-9.:_*[\]/-]+$/.test(pattern);
  if (!wellFormed || (!first!.includes('*') && !/[.:]/.test(first!) && first !== 'localhost')) {
    throw invalid(`${where}: "${pattern}" does not begin with a registry (docker.io/${pattern}?)`);
  }
}

function matcher(pattern: string): RegExp {
  const full = pattern.includes('*') ? pattern : repositoryOf(parseReference(pattern));
  return new RegExp(`^${full.split('*').map(RegExp.escape).join('.*')}$`);
}
