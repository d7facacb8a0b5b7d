// Which images a list or a prune is about. A filter looks at one name of an image at a time; a dangling image has none.
import { invalid } from '../../lib/errors.ts';
import {
  canonicalName,
  familiarName,
  familiarRepository,
  parseReference,
  repositoryOf,
  withDefaultTag,
} from '../../lib/reference.ts';
import { parseTimestamp } from '../../lib/timestamp.ts';
import type { ImageContext } from './context.ts';
import type { Filters } from './images.ts';
import type { ImageRecord } from './records.ts';
import { chooseIfAny, platformManifests, resolve } from './resolve.ts';

/** `name` is a full name, or undefined for an image without any. */
export type ImageFilter = (record: ImageRecord, name: string | undefined) => boolean;

export function imageFilter(context: ImageContext, filters: Filters): ImageFilter {
  const tests: ImageFilter[] = [];
  for (const [name, values] of Object.entries(filters)) {
    for (const value of values) {
      if (name === 'before') tests.push(createdBefore(context, value));
      else if (name === 'since') tests.push(createdAfter(context, value));
      else if (name === 'until') tests.push(until(value));
      else if (name === 'label' || name === 'label!') tests.push(label(context, value, name === 'label!'));
      else if (name !== 'dangling' && name !== 'reference') throw invalid(`invalid filter '${name}'`);
    }
  }
  const { reference = [] } = filters;
  if (reference.length > 0) {
    const patterns = reference.map(globPattern);
    tests.push(
      (_, name) => name !== undefined && shownForms(name).some(form => patterns.some(glob => glob.test(form))),
    );
  }
  const dangling = flag(filters, 'dangling');
  if (dangling !== undefined) tests.push((_, name) => dangling === (name === undefined));
  return (record, name) => tests.every(test => test(record, name));
}

/** A filter that is a yes or a no. */
export function flag(filters: Filters, name: string): boolean | undefined {
  const values = filters[name] ?? [];
  if (values.length === 0) return undefined;
  const yes = values.includes('1') || values.includes('true');
  const no = values.includes('0') || values.includes('false');
  if (yes === no) throw invalid(`invalid filter '${name}=[${values.join(' ')}]'`);
  return yes;
}

/** Milliseconds since 1970 when the image was made, as its config says. */
function madeAt(context: ImageContext, record: ImageRecord): number | undefined {
  const created = chooseIfAny(context.content.manifests, record.target, undefined)?.config.created;
  const time = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(time) ? undefined : time;
}

function createdBefore(context: ImageContext, reference: string): ImageFilter {
  const limit = madeAt(context, resolve(context.records, reference));
  return record => limit === undefined || (madeAt(context, record) ?? Number.NaN) < limit;
}

function createdAfter(context: ImageContext, reference: string): ImageFilter {
  const limit = madeAt(context, resolve(context.records, reference));
  return record => limit === undefined || (madeAt(context, record) ?? Number.NaN) > limit;
}

function until(value: string): ImageFilter {
  const limit = parseTimestamp(value).toISOString();
  return record => record.created < limit;
}

function label(context: ImageContext, value: string, negated: boolean): ImageFilter {
  const equals = value.indexOf('=');
  const given = equals < 0 ? value : value.slice(0, equals);
  const wanted = equals < 0 ? undefined : value.slice(equals + 1);
  // "key!=value" turns it round.
  const key = given.endsWith('!') ? given.slice(0, -1) : given;
  const negate = given.endsWith('!') !== negated;
  const matches = (labels: Record<string, string>) => key in labels && (wanted === undefined || labels[key] === wanted);
  return record =>
    platformManifests(context.content.manifests, record.target).some(
      ({ kind, config }) => kind === 'image' && config && matches(config.config?.Labels ?? {}) !== negate,
    );
}

function shownForms(name: string): string[] {
  const reference = parseReference(name);
  return [
    familiarName(reference),
    familiarRepository(reference),
    canonicalName(withDefaultTag(reference)),
    repositoryOf(reference),
  ];
}

/** Shell patterns as Go's path.Match has them: `*` and `?` stay within a part between slashes. */
function globPattern(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '[') {
      const end = pattern.indexOf(']', at + 2);
      if (end < 0) throw invalid(`invalid filter 'reference=${pattern}': syntax error in pattern`);
      const body = pattern.slice(at + 1, end).replaceAll('\\', '\\\\');
      source += `[${body.startsWith('^') ? `^${body.slice(1)}` : body}]`;
      at = end;
    } else {
      const literal = character === '\\' && at + 1 < pattern.length ? pattern[++at]! : character;
      source += literal.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`);
}
