// Filters of `volume ls` and `volume prune`.
import { invalid } from '../../lib/errors.ts';
import type { Filters } from './volumes.ts';

/** What filters look at. */
export interface FilterSubject {
  name: string;
  driver: string;
  labels: Readonly<Record<string, string>>;
  used: boolean;
}

type Test = (subject: FilterSubject) => boolean;

export const anonymousLabel = 'com.docker.volume.anonymous';

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return wanted in labels;
  return labels[wanted.slice(0, equals)] === wanted.slice(equals + 1);
}

/** A part of a name, or a regular expression that matches one. */
function nameTest(pattern: string): (name: string) => boolean {
  try {
    const expression = new RegExp(pattern);
    return name => name.includes(pattern) || expression.test(name);
  } catch (error) {
    if (error instanceof SyntaxError) return name => name.includes(pattern);
    throw error;
  }
}

const yes = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const no = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

function flag(name: string, values: readonly string[]): boolean {
  const [value = ''] = values;
  if (values.length === 1 && yes.includes(value)) return true;
  if (values.length === 1 && no.includes(value)) return false;
  throw invalid(`invalid filter '${name}=[${values.join(' ')}]'`);
}

const tests: Record<string, (values: readonly string[]) => Test> = {
  name: values => {
    const names = values.map(nameTest);
    return subject => names.some(test => test(subject.name));
  },
  driver: values => subject => values.includes(subject.driver),
  label: values => subject => values.every(value => hasLabel(subject.labels, value)),
  'label!': values => subject => !values.every(value => hasLabel(subject.labels, value)),
  dangling: values => {
    const dangling = flag('dangling', values);
    return subject => subject.used !== dangling;
  },
};

function compile(filters: Filters, accepted: readonly string[]): Test {
  const compiled: Test[] = [];
  for (const [name, values] of Object.entries(filters)) {
    if (!accepted.includes(name)) throw invalid(`invalid filter '${name}'`);
    if (values.length > 0) compiled.push(tests[name]!(values));
  }
  return subject => compiled.every(test => test(subject));
}

export function listFilter(filters: Filters): Test {
  return compile(filters, ['dangling', 'name', 'driver', 'label']);
}

/** Only anonymous volumes, unless the filter "all" says otherwise. */
export function pruneFilter(filters: Filters): Test {
  const { all, ...others } = filters;
  if (all && all.length > 1) throw invalid(`invalid filter 'all=[${all.join(' ')}]': only one value is expected`);
  const everything = all !== undefined && all.length === 1 && flag('all', all);
  const test = compile(others, ['label', 'label!']);
  return subject => (everything || anonymousLabel in subject.labels) && test(subject);
}
