// Mount options as mount(8) and fstab have them: some are flags of the call, the rest is for the file system.
import {
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  MS_SHARED,
  MS_SLAVE,
  mount,
  unmount,
} from './mount.ts';

const MS_SYNCHRONOUS = 16;
const MS_MANDLOCK = 64;
const MS_DIRSYNC = 128;
const MS_NOATIME = 1024;
const MS_NODIRATIME = 2048;
const MS_UNBINDABLE = 1 << 17;
const MS_RELATIME = 1 << 21;
const MS_STRICTATIME = 1 << 24;

const flagWords: Record<string, number> = {
  defaults: 0,
  ro: MS_RDONLY,
  nosuid: MS_NOSUID,
  nodev: MS_NODEV,
  noexec: MS_NOEXEC,
  sync: MS_SYNCHRONOUS,
  mand: MS_MANDLOCK,
  dirsync: MS_DIRSYNC,
  noatime: MS_NOATIME,
  nodiratime: MS_NODIRATIME,
  relatime: MS_RELATIME,
  strictatime: MS_STRICTATIME,
  bind: MS_BIND,
  rbind: MS_BIND | MS_REC,
};
/** Words that take a flag back. */
const clearWords: Record<string, number> = {
  rw: MS_RDONLY,
  suid: MS_NOSUID,
  dev: MS_NODEV,
  exec: MS_NOEXEC,
  async: MS_SYNCHRONOUS,
  nomand: MS_MANDLOCK,
  atime: MS_NOATIME,
  diratime: MS_NODIRATIME,
  norelatime: MS_RELATIME,
  nostrictatime: MS_STRICTATIME,
};
const propagationWords: Record<string, number> = {
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  shared: MS_SHARED,
  rshared: MS_SHARED | MS_REC,
  slave: MS_SLAVE,
  rslave: MS_SLAVE | MS_REC,
  unbindable: MS_UNBINDABLE,
  runbindable: MS_UNBINDABLE | MS_REC,
};

export interface MountOptions {
  flags: number;
  propagation: number;
  data: string;
}

function parseMountOptions(words: string): MountOptions {
  const result: MountOptions = { flags: 0, propagation: 0, data: '' };
  const data: string[] = [];
  for (const word of words.split(',')) {
    if (word === '') continue;
    if (word in flagWords) result.flags |= flagWords[word]!;
    else if (word in clearWords) result.flags &= ~clearWords[word]!;
    else if (word in propagationWords) result.propagation |= propagationWords[word]!;
    else data.push(word);
  }
  result.data = data.join(',');
  return result;
}

/** Like `mount -t type -o words device target`, without the helpers of mount(8). */
export function mountWithOptions(device: string, target: string, type: string, words: string): void {
  const { flags, propagation, data } = parseMountOptions(words);
  mount(device, target, type, flags, data);
  try {
    // A bind mount takes its flags only when it is changed afterwards.
    if (flags & MS_BIND && flags & MS_RDONLY) mount(device, target, type, flags | MS_REMOUNT, data);
    if (propagation !== 0) mount('', target, '', propagation);
  } catch (error) {
    unmount(target);
    throw error;
  }
}
