// The value of --mount: comma-separated fields that describe one mount.
import { absolutePath } from '../../../../lib/clean-path.ts';
import type { Mount } from '../../../../wire/types.ts';
import { quote } from '../../../format/template/quote.ts';
import { readBytes, readCsv, splitPair } from '../../../framework/flag-types.ts';

const withoutValue = ['readonly', 'ro', 'volume-nocopy', 'bind-nonrecursive', 'bind-create-src'];

type BindOptions = NonNullable<Mount['BindOptions']>;
type VolumeOptions = NonNullable<Mount['VolumeOptions']>;

export function parseMount(text: string): Mount {
  const mount: Mount = { Type: 'volume' };
  for (const field of readCsv(text)) applyField(mount, field);
  checkMount(mount);
  return mount;
}

function applyField(mount: Mount, field: string): void {
  const hasValue = field.includes('=');
  const [given, value] = splitPair(field);
  if (given.trim() !== given) {
    throw new Error(`invalid option '${given.trim()}' in '${field}': option should not have whitespace`);
  }
  if (hasValue && value.trim() === '') throw new Error(`invalid value for '${given}': value is empty`);
  if (value.trim() !== value) {
    throw new Error(`invalid value for '${given}' in '${field}': value should not have whitespace`);
  }
  const key = given.toLowerCase();
  if (!hasValue && !withoutValue.includes(key)) throw new Error(`invalid field '${field}' must be a key=value pair`);
  const flag = () => readFlag(key, value, hasValue);

  switch (key) {
    case 'type':
      mount.Type = value.toLowerCase() as Mount['Type'];
      return;
    case 'source':
    case 'src':
      mount.Source = value.startsWith('.') ? absolutePath(value) : value;
      return;
    case 'target':
    case 'dst':
    case 'destination':
      mount.Target = value;
      return;
    case 'readonly':
    case 'ro':
      mount.ReadOnly = flag();
      return;
    case 'consistency':
      mount.Consistency = value.toLowerCase();
      return;
    case 'bind-propagation':
      bind(mount).Propagation = value.toLowerCase() as BindOptions['Propagation'];
      return;
    case 'bind-nonrecursive':
      throw new Error('bind-nonrecursive is deprecated, use bind-recursive=disabled instead');
    case 'bind-recursive':
      applyRecursion(mount, key, value);
      return;
    case 'bind-create-src':
      bind(mount).CreateMountpoint = flag();
      return;
    case 'volume-subpath':
      volume(mount).Subpath = value;
      return;
    case 'volume-nocopy':
      volume(mount).NoCopy = flag();
      return;
    case 'volume-label':
      volume(mount).Labels = withPair(volume(mount).Labels, value);
      return;
    case 'volume-driver':
      driver(mount).Name = value;
      return;
    case 'volume-opt':
      driver(mount).Options = withPair(driver(mount).Options, value);
      return;
    case 'image-subpath':
      mount.ImageOptions = { ...mount.ImageOptions, Subpath: value };
      return;
    case 'tmpfs-size':
      mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: tmpfsSize(key, value) };
      return;
    case 'tmpfs-mode':
      if (!/^[0-7]{1,11}$/.test(value)) throw new Error(`invalid value for ${key}: ${value}`);
      mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(value, 8) };
      return;
    default:
      throw new Error(`unknown option '${key}' in '${field}'`);
  }
}

function readFlag(key: string, value: string, hasValue: boolean): boolean {
  if (!hasValue || value === '1' || value === 'true') return true;
  if (value === '0' || value === 'false') return false;
  throw new Error(
    `invalid value for '${key}': invalid boolean value (${quote(value)}): must be one of "true", "1", "false", or "0" (default "true")`,
  );
}

function tmpfsSize(key: string, value: string): number {
  try {
    return readBytes(value);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Error(`invalid value for ${key}: ${value}`);
  }
}

function applyRecursion(mount: Mount, key: string, value: string): void {
  switch (value) {
    case 'enabled':
      return;
    case 'disabled':
      bind(mount).NonRecursive = true;
      return;
    case 'writable':
      bind(mount).ReadOnlyNonRecursive = true;
      return;
    case 'readonly':
      bind(mount).ReadOnlyForceRecursive = true;
      return;
    default:
      throw new Error(`invalid value for ${key}: ${value} (must be "enabled", "disabled", "writable", or "readonly")`);
  }
}

function bind(mount: Mount): BindOptions {
  mount.BindOptions ??= {};
  return mount.BindOptions;
}

function volume(mount: Mount): VolumeOptions {
  mount.VolumeOptions ??= {};
  return mount.VolumeOptions;
}

function driver(mount: Mount): NonNullable<VolumeOptions['DriverConfig']> {
  const options = volume(mount);
  options.DriverConfig ??= {};
  return options.DriverConfig;
}

function withPair(pairs: Record<string, string> | undefined, text: string): Record<string, string> | undefined {
  const [key, value] = splitPair(text);
  return key === '' ? pairs : { ...pairs, [key]: value };
}

function checkMount({ Type, ReadOnly, BindOptions, VolumeOptions, ImageOptions, TmpfsOptions }: Mount): void {
  const refuse = (kind: string, options: object | undefined) => {
    if (options && Type !== kind) throw new Error(`cannot mix '${kind}-*' options with mount type '${Type}'`);
  };
  refuse('bind', BindOptions);
  refuse('volume', VolumeOptions);
  refuse('image', ImageOptions);
  refuse('tmpfs', TmpfsOptions);
  if (BindOptions?.ReadOnlyNonRecursive && !ReadOnly) {
    throw new Error("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction");
  }
  if (!BindOptions?.ReadOnlyForceRecursive) return;
  if (!ReadOnly) throw new Error("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
  if (BindOptions.Propagation !== 'rprivate') {
    throw new Error(
      "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction",
    );
  }
}
