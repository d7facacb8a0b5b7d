// Options with a structure of their own: ulimits, runtimes, address pools.
import type { RuntimeConfig } from '../engine/config.ts';
import type { Ulimit } from '../engine/ulimit.ts';
import { cut, integer, list, mapValues, text, type ValueType, wrong } from './value-types.ts';

const ULIMITS = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
];

/** `nofile=1024:2048`, or {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 2048}}. */
export function ulimits(): ValueType<Readonly<Record<string, Ulimit>>> {
  return {
    word: 'ulimit',
    absent: {},
    fromFlag(value, before = {}) {
      const [name, limits] = cut(value, '=');
      if (limits === undefined) throw wrong(`invalid ulimit argument: ${value}`);
      const [soft, hard] = cut(limits, ':');
      return { ...before, [name]: checkUlimit(name, limitOf(soft), limitOf(hard ?? soft)) };
    },
    fromJson: value =>
      mapValues(value, (name, item) => {
        const { Name, Soft, Hard } = mapValues(item, (_key, part) => part);
        if (Name !== undefined && Name !== name) throw wrong(`ulimit ${name} has the name ${JSON.stringify(Name)}`);
        return checkUlimit(name, integer(0).fromJson(Soft), integer(0).fromJson(Hard));
      }),
  };
}

const limitOf = (value: string) => integer(0).fromFlag(value, undefined);

function checkUlimit(name: string, soft: number, hard: number): Ulimit {
  if (!ULIMITS.includes(name)) throw wrong(`invalid ulimit type: ${name}`);
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw wrong(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { name, soft, hard };
}

/** `name=/path`, or {"name": {"path": "/path", "runtimeArgs": ["--flag"]}}. */
export function runtimes(): ValueType<Readonly<Record<string, RuntimeConfig>>> {
  return {
    word: 'runtime',
    absent: {},
    fromFlag(value, before = {}) {
      const [name, path] = cut(value, '=');
      if (name === '' || !path) throw wrong(`invalid runtime argument: ${value} (name=path)`);
      if (before[name]) throw wrong(`runtime '${name}' was already defined`);
      return { ...before, [name]: { path, args: [] } };
    },
    fromJson: value =>
      mapValues(value, (name, item) => {
        const fields = mapValues(item, (_key, part) => part);
        for (const key of Object.keys(fields)) {
          if (key === 'runtimeType' || key === 'options') throw wrong(`runtime '${name}': ${key} is not built yet`);
          if (key !== 'path' && key !== 'runtimeArgs') throw wrong(`runtime '${name}' knows no ${key}`);
        }
        const path = text('').fromJson(fields['path'] ?? '');
        if (path === '') throw wrong(`runtime '${name}' has no path`);
        return { path, args: list().fromJson(fields['runtimeArgs'] ?? []) };
      }),
  };
}

export interface AddressPool {
  base: string;
  size: number;
}

/** `base=172.30.0.0/16,size=24`, or [{"base": "172.30.0.0/16", "size": 24}]. */
export function addressPools(): ValueType<readonly AddressPool[]> {
  return {
    word: 'pool-options',
    absent: [],
    fromFlag(value, before = []) {
      const parts = Object.fromEntries(value.split(',').map(part => cut(part.trim(), '=')));
      for (const key of Object.keys(parts)) {
        if (key !== 'base' && key !== 'size') throw wrong(`'${key}' is no part of an address pool`);
      }
      return [...before, checkPool(parts['base'] ?? '', integer(0, 1).fromFlag(parts['size'] ?? '', undefined))];
    },
    fromJson(value) {
      if (!Array.isArray(value)) throw wrong('must be a list');
      return value.map(item => {
        const { base, size } = mapValues(item, (_key, part) => part);
        return checkPool(text('').fromJson(base), integer(0, 1).fromJson(size));
      });
    },
  };
}

function checkPool(base: string, size: number): AddressPool {
  const match = /^[0-9a-f.:]+\/(\d{1,3})$/i.exec(base);
  if (!match) throw wrong(`invalid base pool ${JSON.stringify(base)}`);
  if (size < Number(match[1]) || size > 128) throw wrong(`invalid pool size ${size} for ${base}`);
  return { base, size };
}

/** What a daemon may be told to do or to leave, by name. */
export function features(): ValueType<Readonly<Record<string, boolean>>> {
  return {
    word: 'set',
    absent: {},
    fromFlag(value, before = {}) {
      const [name, state = 'true'] = cut(value, '=');
      if (state !== 'true' && state !== 'false') throw wrong(`feature ${name} must be true or false`);
      return { ...before, [name]: state === 'true' };
    },
    fromJson: value =>
      mapValues(value, (name, item) => {
        if (typeof item !== 'boolean') throw wrong(`feature ${name} must be true or false`);
        return item;
      }),
  };
}
