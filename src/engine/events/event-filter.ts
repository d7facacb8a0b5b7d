// Which events a listener wants, by Docker's rules.
import type { EventMessage } from '../../wire/types.ts';

type Filters = Readonly<Record<string, readonly string[]>>;
type Predicate = (event: EventMessage) => boolean;

/** Filters that name an object, by the start of its id or name. */
const OBJECTS = ['daemon', 'container', 'plugin', 'volume', 'network', 'service', 'node', 'secret', 'config'];

/** Actions that carry what they are about behind a colon ("exec_start: sh -c ls"): asked for by their first word. */
const LONG_ACTIONS = ['health_status', 'exec_create', 'exec_start'];

/** Filters of different names must all hold, values of one name are alternatives; except labels, which must all be there. */
export function eventFilter(filters: Filters): Predicate {
  const predicates: Predicate[] = [];
  for (const [name, values] of Object.entries(filters)) {
    if (values.length > 0) predicates.push(predicateOf(name, values));
  }
  return event => predicates.every(holds => holds(event));
}

function predicateOf(name: string, values: readonly string[]): Predicate {
  if (OBJECTS.includes(name)) {
    return ({ Actor: actor }) =>
      startsWithOne(actor?.ID ?? '', values) || startsWithOne(actor?.Attributes?.name ?? '', values);
  }
  switch (name) {
    case 'type':
      return event => values.includes(event.Type ?? '');
    case 'scope':
      return event => values.includes(event.scope ?? '');
    case 'event':
      return values.some(value => LONG_ACTIONS.includes(value))
        ? event => startsWithOne(event.Action ?? '', values)
        : event => values.includes(event.Action ?? '');
    case 'label':
      return event => values.every(value => hasLabel(event.Actor?.Attributes ?? {}, value));
    case 'image':
      return event => isAboutImage(event, values);
    default:
      // As Docker does: what it doesn't know excludes nothing.
      return () => true;
  }
}

function startsWithOne(text: string, prefixes: readonly string[]): boolean {
  return prefixes.some(prefix => text.startsWith(prefix));
}

function hasLabel(attributes: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return wanted in attributes;
  return attributes[wanted.slice(0, equals)] === wanted.slice(equals + 1);
}

function isAboutImage({ Type: type, Actor: actor }: EventMessage, values: readonly string[]): boolean {
  const id = actor?.ID ?? '';
  const name = actor?.Attributes?.[type === 'image' ? 'name' : 'image'] ?? '';
  return [id, name, withoutTag(id), withoutTag(name)].some(candidate => values.includes(candidate));
}

/** "docker.io/library/busybox:latest" and "busybox:latest" are both "busybox"; what is no image's name stays as it is. */
function withoutTag(reference: string): string {
  if (!/^[a-z0-9]/.test(reference) || /^sha256:/.test(reference)) return reference;
  const name = reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  return name.replace(/^(index\.)?docker\.io\//, '').replace(/^library\//, '');
}
