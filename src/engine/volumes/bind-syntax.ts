// "source:destination:options", as -v has it since the beginning.
import { posix } from 'node:path';
import { invalid } from '../../lib/errors.ts';
import { type ContainerMount, cleanDestination, volumeMount } from './mount-points.ts';

export const propagations: readonly string[] = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];

const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

export function parseBind(line: string, volumeDriver: string | undefined): ContainerMount {
  const bad = (detail = '') => invalid(`invalid volume specification: '${line}'${detail}`);
  const parts = line.split(':');
  if (line === '' || parts.length > 3 || parts.some(part => part === '')) throw bad();
  const [first, second, mode = ''] = parts as [string, string?, string?];
  if (second === undefined) return volumeMount(cleanDestination(first), '', volumeDriver || 'local', { mode: '' });
  const destination = cleanDestination(second);
  const isPath = first.startsWith('/');
  if (!isPath && !volumeName.test(first)) {
    throw invalid(
      `create ${first}: "${first}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. ` +
        'If you intended to pass a host directory, use absolute path',
    );
  }
  const options = parseMode(mode, isPath, line);
  if (!isPath) {
    return {
      ...volumeMount(destination, first, volumeDriver || 'local', { mode: mode || 'z', readOnly: options.readOnly }),
      ...(options.noCopy ? { noCopy: true } : {}),
    };
  }
  const source = posix.normalize(first).replace(/(.)\/$/, '$1');
  return {
    Type: 'bind',
    Source: source,
    Destination: destination,
    Mode: mode,
    RW: !options.readOnly,
    Propagation: options.propagation ?? 'rprivate',
    createSource: true,
  };
}

interface BindMode {
  readOnly: boolean;
  noCopy: boolean;
  propagation?: string;
}

/** Each matter may be mentioned once. */
function parseMode(mode: string, isPath: boolean, line: string): BindMode {
  const result: BindMode = { readOnly: false, noCopy: false };
  const seen = new Set<string>();
  const once = (matter: string) => {
    if (seen.has(matter)) throw invalid(`invalid mode: ${mode}`);
    seen.add(matter);
  };
  for (const word of mode === '' ? [] : mode.split(',')) {
    if (word === 'ro' || word === 'rw') {
      once('access');
      result.readOnly = word === 'ro';
    } else if (word === 'z' || word === 'Z') {
      once('label');
    } else if (word === 'nocopy' && !isPath) {
      once('copy');
      result.noCopy = true;
    } else if (propagations.includes(word) && isPath) {
      once('propagation');
      result.propagation = word;
    } else if (['consistent', 'cached', 'delegated'].includes(word) && isPath) {
      once('consistency');
    } else {
      throw invalid(`invalid volume specification: '${line}': invalid mode: ${mode}`);
    }
  }
  return result;
}
