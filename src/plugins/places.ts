// Where a plugin says that it is there: a socket in one directory, or a file with its address in another. Either may lie in a
// directory of the plugin's own name.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, failed } from '../lib/errors.ts';

export interface PluginPlaces {
  sockets: readonly string[];
  specs: readonly string[];
}

/** Docker's places, which belong to the host, after the engine's own. */
export const pluginPlaces = (execRoot: string): PluginPlaces => ({
  sockets: [`${execRoot}/plugins`, '/run/docker/plugins'],
  specs: [`${execRoot}/plugins`, '/etc/docker/plugins', '/usr/lib/docker/plugins'],
});

export type PluginAddress =
  | { kind: 'socket'; path: string }
  | { kind: 'url'; url: string; tls: { ca?: string; cert?: string; key?: string; insecure: boolean } | undefined };

const SPEC_TYPES = ['spec', 'json'] as const;

/** Undefined when there is no plugin of this name. */
export function findPlugin(places: PluginPlaces, name: string): PluginAddress | undefined {
  // A name is part of a path here.
  if (!isPluginName(name)) return undefined;
  for (const directory of places.sockets) {
    for (const path of candidates(directory, name, 'sock')) if (isSocket(path)) return { kind: 'socket', path };
  }
  for (const directory of places.specs) {
    for (const type of SPEC_TYPES) {
      for (const path of candidates(directory, name, type)) {
        const text = readIfThere(path);
        if (text !== undefined) return type === 'json' ? addressOfJson(path, text) : addressOf(path, text.trim());
      }
    }
  }
  return undefined;
}

/** The names of all that could be asked. */
export function pluginNames(places: PluginPlaces): string[] {
  const names = new Set<string>();
  for (const directory of new Set([...places.sockets, ...places.specs])) {
    for (const entry of entriesOf(directory)) {
      const name = entry.replace(/\.(sock|spec|json)$/, '');
      if (knows(places, name)) names.add(name);
    }
  }
  return [...names].sort();
}

const isPluginName = (name: string) => /^[A-Za-z0-9][A-Za-z0-9_.:/-]*$/.test(name) && !name.split('/').includes('..');

function knows(places: PluginPlaces, name: string): boolean {
  try {
    return findPlugin(places, name) !== undefined;
  } catch {
    // Whoever asks for it by name will be told what is wrong with its file.
    return false;
  }
}

const candidates = (directory: string, name: string, type: string) => [
  join(directory, `${name}.${type}`),
  join(directory, name, `${name}.${type}`),
];

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

function addressOf(path: string, text: string): PluginAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  switch (url?.protocol) {
    case 'unix:':
      return { kind: 'socket', path: url.pathname };
    case 'tcp:':
    case 'http:':
      return { kind: 'url', url: `http://${url.host}`, tls: undefined };
    case 'https:':
      return { kind: 'url', url: `https://${url.host}`, tls: { insecure: true } };
    default:
      throw failed(`${path}: "${text}" is not the address of a plugin (unix://, tcp://, http:// or https://)`);
  }
}

interface Spec {
  Addr?: unknown;
  TLSConfig?: { InsecureSkipVerify?: unknown; CAFile?: unknown; CertFile?: unknown; KeyFile?: unknown } | null;
}

function addressOfJson(path: string, text: string): PluginAddress {
  const { Addr, TLSConfig } = parseSpec(path, text);
  const address = addressOf(path, typeof Addr === 'string' ? Addr : '');
  if (address.kind === 'socket' || !address.tls || !TLSConfig) return address;
  const read = (file: unknown) => (typeof file === 'string' && file !== '' ? readFileSync(file, 'utf8') : undefined);
  const ca = read(TLSConfig.CAFile);
  const cert = read(TLSConfig.CertFile);
  const key = read(TLSConfig.KeyFile);
  const insecure = TLSConfig.InsecureSkipVerify === true || ca === undefined;
  return { ...address, tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), insecure } };
}

function parseSpec(path: string, text: string): Spec {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw failed(`${path} is not JSON`, error);
  }
  throw failed(`${path} has no address of a plugin`);
}
