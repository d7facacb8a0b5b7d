// "source:destination:options", as -v has it since the beginning. It says the same as a mount of --mount, and is checked like one.
import { invalid, messageOf } from '../../lib/errors.ts';
import type { Mount } from '../../wire/types.ts';
import { type ContainerMount, fromMount } from './mount-points.ts';

export const propagations: readonly string[] = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];

const words: Record<keyof Omit<BindMode, 'text'>, readonly string[]> = {
  access: ['ro', 'rw'],
  label: ['z', 'Z'],
  propagation: propagations,
  copy: ['nocopy'],
  consistency: ['consistent', 'cached', 'delegated', 'default'],
};

export interface BindMode {
  text: string;
  access?: string;
  label?: string;
  propagation?: string;
  copy?: string;
  consistency?: string;
}

/** Undefined for words that are no options, or that say two things about one matter. */
export function parseBindMode(text: string): BindMode | undefined {
  const mode: BindMode = { text };
  for (const word of text === '' ? [] : text.split(',')) {
    const matter = (Object.keys(words) as (keyof typeof words)[]).find(each => words[each].includes(word));
    if (!matter || mode[matter] !== undefined) return undefined;
    mode[matter] = word;
  }
  return mode;
}

export function parseBind(line: string, volumeDriver: string | undefined): ContainerMount {
  const fault = (detail = '') => invalid(`invalid volume specification: '${line}'${detail}`);
  const parts = line.split(':');
  const [first = '', second, third = ''] = parts;
  if (first === '' || parts.length > 3) throw fault();
  // Options alone, without a place to mount at.
  if (parts.length === 2 && parseBindMode(second!) !== undefined) throw fault();
  const mode = parseBindMode(third);
  if (!mode) throw invalid(`invalid mode: ${third}`);
  const isVolume = second === undefined || !first.startsWith('/');
  const spec: Mount = {
    Type: isVolume ? 'volume' : 'bind',
    Source: second === undefined ? '' : first,
    Target: second ?? first,
    ReadOnly: mode.access === 'ro',
  };
  if (isVolume && volumeDriver) spec.VolumeOptions = { DriverConfig: { Name: volumeDriver } };
  if (mode.copy) spec.VolumeOptions = { ...spec.VolumeOptions, NoCopy: true };
  if (mode.propagation) spec.BindOptions = { Propagation: mode.propagation as MountPropagation };
  let mount: ContainerMount;
  try {
    mount = fromMount(spec);
  } catch (error) {
    throw fault(`: ${messageOf(error)}`);
  }
  if (mode.text !== '') mount.Mode = mode.text;
  return isVolume ? mount : { ...mount, createSource: true };
}

type MountPropagation = NonNullable<Mount['BindOptions']>['Propagation'];
