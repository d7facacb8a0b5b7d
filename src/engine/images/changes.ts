// `--change` of commit and import: Dockerfile instructions that change an image's configuration.
import { invalid } from '../../lib/errors.ts';
import { parseGoDuration } from '../../lib/timestamp.ts';
import type { HealthConfig, ImageConfig } from '../../wire/types.ts';
import { expandWord, splitWords } from './words.ts';

type Change = (config: ImageConfig, rest: string) => void;

const NANOSECONDS = 1_000_000;

/** Returns the changed configuration; the one given stays as it is. */
export function applyChanges(config: ImageConfig, changes: readonly string[]): ImageConfig {
  const changed = structuredClone(config);
  for (const text of changes.flatMap(joinedLines)) {
    const match = /^(\S+)\s*([\s\S]*)$/.exec(text)!;
    const name = match[1]!.toUpperCase();
    const change = instructions[name];
    if (!change) throw invalid(`${name} is not a valid change command`);
    const rest = match[2]!.trim();
    if (rest === '') throw invalid(`${name} requires at least one argument`);
    change(changed, rest);
  }
  return changed;
}

/** Lines that end in a backslash go on in the next one; empty lines and comments are nothing. */
function joinedLines(text: string): string[] {
  const lines: string[] = [];
  let open = '';
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    if (trimmed.endsWith('\\')) {
      open += `${trimmed.slice(0, -1)} `;
      continue;
    }
    lines.push(open + trimmed);
    open = '';
  }
  if (open !== '') lines.push(open.trim());
  return lines;
}

const instructions: Record<string, Change> = {
  CMD: (config, rest) => {
    const list = jsonList(rest);
    config.Cmd = list ?? inShell(config, rest);
    config.ArgsEscaped = undefined;
  },
  ENTRYPOINT: (config, rest) => {
    config.Entrypoint = jsonList(rest) ?? inShell(config, rest);
    // A command that was made for the old entrypoint means nothing to the new one.
    config.Cmd = undefined;
  },
  ENV: (config, rest) => {
    const before = environmentOf(config);
    const env = [...(config.Env ?? [])];
    for (const [key, value] of pairs('ENV', rest, before)) {
      const at = env.findIndex(each => each.startsWith(`${key}=`));
      if (at < 0) env.push(`${key}=${value}`);
      else env[at] = `${key}=${value}`;
    }
    config.Env = env;
  },
  EXPOSE: (config, rest) => {
    const ports: Record<string, Record<string, never>> = {};
    for (const word of splitWords(rest)) Object.assign(ports, exposed(expandWord(word, environmentOf(config))));
    config.ExposedPorts = { ...config.ExposedPorts, ...ports };
  },
  LABEL: (config, rest) => {
    config.Labels = { ...config.Labels, ...Object.fromEntries(pairs('LABEL', rest, environmentOf(config))) };
  },
  ONBUILD: (config, rest) => {
    const trigger = rest.split(/\s/, 1)[0]!.toUpperCase();
    if (trigger === 'ONBUILD') throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (trigger === 'MAINTAINER' || trigger === 'FROM') throw invalid(`${trigger} isn't allowed as an ONBUILD trigger`);
    config.OnBuild = [...(config.OnBuild ?? []), rest];
  },
  STOPSIGNAL: (config, rest) => {
    const signal = expandWord(one('STOPSIGNAL', rest), environmentOf(config));
    if (!/^(?:\d{1,2}|(?:SIG)?[A-Z][A-Z0-9]*(?:[+-]\d{1,2})?)$/i.test(signal))
      throw invalid(`Invalid signal: ${signal}`);
    config.StopSignal = signal;
  },
  USER: (config, rest) => {
    config.User = expandWord(one('USER', rest), environmentOf(config));
  },
  VOLUME: (config, rest) => {
    const paths = jsonList(rest) ?? splitWords(rest);
    const volumes: Record<string, Record<string, never>> = {};
    for (const path of paths) {
      const expanded = expandWord(path, environmentOf(config)).trim();
      if (expanded === '') throw invalid('VOLUME specified can not be an empty string');
      volumes[expanded] = {};
    }
    config.Volumes = { ...config.Volumes, ...volumes };
  },
  WORKDIR: (config, rest) => {
    const path = expandWord(one('WORKDIR', rest), environmentOf(config));
    config.WorkingDir = cleanPath(path.startsWith('/') ? path : `${config.WorkingDir || '/'}/${path}`);
  },
  HEALTHCHECK: (config, rest) => {
    config.Healthcheck = healthcheck(rest);
  },
};

function environmentOf(config: ImageConfig): ReadonlyMap<string, string> {
  return new Map(
    (config.Env ?? []).map(each => {
      const equals = each.indexOf('=');
      return equals < 0 ? [each, ''] : [each.slice(0, equals), each.slice(equals + 1)];
    }),
  );
}

/** ["a", "b"]: anything else is a line for the shell. */
function jsonList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every(each => typeof each === 'string') ? list : undefined;
  } catch {
    // What looks like a list and is none is taken as a shell's line, as everywhere in Dockerfiles.
    return undefined;
  }
}

function inShell(config: ImageConfig, line: string): string[] {
  return [...(config.Shell ?? ['/bin/sh', '-c']), line];
}

function one(name: string, rest: string): string {
  const words = splitWords(rest);
  if (words.length !== 1 && name !== 'WORKDIR') throw invalid(`${name} requires exactly one argument`);
  return name === 'WORKDIR' ? rest : words[0]!;
}

/** "a=1 b='2 3'", or the old "a the rest". */
function pairs(name: string, rest: string, environment: ReadonlyMap<string, string>): [string, string][] {
  const words = splitWords(rest);
  if (!words[0]!.includes('=')) {
    const match = /^(\S+)\s+([\s\S]+)$/.exec(rest);
    if (!match) throw invalid(`${name} must have two arguments`);
    return [[match[1]!, expandWord(match[2]!, environment)]];
  }
  return words.map(word => {
    const equals = word.indexOf('=');
    if (equals < 0)
      throw invalid(`Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`);
    const key = expandWord(word.slice(0, equals), environment);
    if (key === '') throw invalid(`${name} names can not be blank`);
    return [key, expandWord(word.slice(equals + 1), environment)];
  });
}

function exposed(text: string): Record<string, Record<string, never>> {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? first);
  if (!match || first > last || last > 65535) throw invalid(`Invalid containerPort: ${text}`);
  const protocol = match[3]?.toLowerCase() ?? 'tcp';
  const ports: Record<string, Record<string, never>> = {};
  for (let port = first; port <= last; port++) ports[`${port}/${protocol}`] = {};
  return ports;
}

function healthcheck(rest: string): HealthConfig {
  const health: HealthConfig = {};
  let at = rest;
  for (;;) {
    const option = /^--([a-z-]+)=(\S+)\s*/.exec(at);
    if (!option) break;
    setHealthOption(health, option[1]!, option[2]!);
    at = at.slice(option[0].length);
  }
  const match = /^(\S+)\s*([\s\S]*)$/.exec(at);
  const kind = match?.[1]?.toUpperCase();
  if (kind === 'NONE') {
    if (match![2] !== '') throw invalid('HEALTHCHECK NONE takes no arguments');
    return { Test: ['NONE'] };
  }
  if (kind !== 'CMD') throw invalid(`Unknown type ${JSON.stringify(match?.[1] ?? '')} in HEALTHCHECK (try CMD)`);
  if (match![2] === '') throw invalid('Missing command after HEALTHCHECK CMD');
  const list = jsonList(match![2]!);
  // CMD-SHELL says that the shell is whatever the image has at that time.
  health.Test = list ? ['CMD', ...list] : ['CMD-SHELL', match![2]!];
  return health;
}

function setHealthOption(health: HealthConfig, name: string, value: string): void {
  if (name === 'retries') {
    if (!/^\d+$/.test(value)) throw invalid(`--retries must be a whole number, not ${value}`);
    health.Retries = Number(value);
    return;
  }
  const fields = {
    interval: 'Interval',
    timeout: 'Timeout',
    'start-period': 'StartPeriod',
    'start-interval': 'StartInterval',
  } as const;
  const field = fields[name as keyof typeof fields];
  if (!field) throw invalid(`Unknown flag: ${name}`);
  const duration = parseGoDuration(value);
  if (duration === undefined) throw invalid(`invalid duration ${JSON.stringify(value)} for --${name}`);
  if (duration < 1 && duration !== 0) throw invalid(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  health[field] = duration * NANOSECONDS;
}

function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}
