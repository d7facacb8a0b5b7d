import { expect, test } from 'bun:test';
import type { Hierarchy } from './hierarchy.ts';
import { ownCgroup } from './quick-moves.ts';

const split: Hierarchy = {
  version: 1,
  mounts: { cpu: '/sys/fs/cgroup/cpu', memory: '/sys/fs/cgroup/memory', freezer: '/sys/fs/cgroup/freezer' },
  trees: ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/unified'],
  unified: '/sys/fs/cgroup/unified',
};

const cases: [what: string, text: string, expected: string | undefined][] = [
  ['the root of a tree', '3:cpu:/\n0::/\n', '/sys/fs/cgroup/cpu'],
  ['below the root', '4:memory:/engines/one\n', '/sys/fs/cgroup/memory/engines/one'],
  [
    'trees that are not mounted are passed over',
    '9:name=systemd:/a\n8:pids:/b\n4:memory:/c\n',
    '/sys/fs/cgroup/memory/c',
  ],
  ['several controllers in one tree', '2:cpu,cpuacct:/d\n', '/sys/fs/cgroup/cpu/d'],
  ['the one tree of v2', '0::/system.slice/it.service\n', '/sys/fs/cgroup/unified/system.slice/it.service'],
  ['above what is seen of it', '0::/../outside\n', undefined],
  ['one that nobody uses before one that people use', '3:cpu:/a\n4:freezer:/\n', '/sys/fs/cgroup/freezer'],
  ['a colon in the path', '3:cpu:/a:b\n', '/sys/fs/cgroup/cpu/a:b'],
  ['nothing', '', undefined],
];

for (const [what, text, expected] of cases) {
  test(what, () => expect(ownCgroup(split, text)).toBe(expected as string));
}
