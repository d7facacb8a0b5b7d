// The disk is full for a while: what conmon could write is in the log afterwards, once.
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mount, unmount } from '../../kernel/mount.ts';
import type { ContainerId } from '../../lib/ids.ts';
import { logDriver } from './drivers.ts';
import { FakeConmon } from './fake-conmon.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dockyard-full-'));
  mount('tmpfs', directory, 'tmpfs', 0, 'size=2m');
});
afterEach(() => {
  unmount(directory);
  rmSync(directory, { recursive: true });
});

test('json-file goes on when there is room again', async () => {
  using conmon = new FakeConmon(join(directory, 'conmon.log'));
  const log = logDriver('json-file').open({
    containerId: 'c0ffee' as ContainerId,
    containerName: '/web',
    imageName: '',
    imageId: '',
    labels: {},
    env: [],
    entrypoint: '',
    args: [],
    created: new Date(0),
    tty: false,
    daemonName: 'docker',
    options: {},
    directory,
    publicDirectory: directory,
    reopen: conmon.reopen,
  });
  const lines = Array.from({ length: 6000 }, (_, index) => `line ${index} ${'é'.repeat(index % 30)}\n`);
  writeFileSync(join(directory, 'filler'), Buffer.alloc(1_000_000));
  for (const line of lines) conmon.write(line);
  log.attach();
  const read = async () => {
    const parts: Uint8Array[] = [];
    const { signal } = new AbortController();
    const query = { stdout: true, stderr: true, timestamps: false, details: false, follow: false, signal };
    for await (const batch of log.read(query)) parts.push(...batch.map(chunk => chunk.data));
    return Buffer.concat(parts).toString();
  };
  const before = await read();
  expect(before.length).toBeLessThan(lines.join('').length);
  expect(lines.join('').startsWith(before)).toBe(true);
  // The container may end meanwhile.
  await log.detach({ discard: false });
  await log.prepare();
  expect(await read()).toBe(before);
  unlinkSync(join(directory, 'filler'));
  await log.detach({ discard: false });
  expect(await read()).toBe(lines.join(''));
  await log.close();
  for (const line of readFileSync(log.path, 'utf8').trimEnd().split('\n')) JSON.parse(line);
});
