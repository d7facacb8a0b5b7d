// The daemon is killed with -9 again and again while a container writes: its log must not show it.
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerId } from '../../lib/ids.ts';
import { logDriver } from './drivers.ts';
import { FakeConmon } from './fake-conmon.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dockyard-crash-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

async function startWorker(driver: string, options: Record<string, string>, follow = false) {
  const worker = join(import.meta.dir, 'crash-worker.ts');
  const child = Bun.spawn([process.execPath, worker, driver, directory, JSON.stringify(options), String(follow)], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  await child.stdout.getReader().read();
  return child;
}

async function readAll(driver: string, options: Record<string, string>): Promise<string> {
  const log = logDriver(driver).open({
    containerId: 'c0ffee' as ContainerId,
    containerName: '/web',
    imageName: 'busybox',
    imageId: 'sha256:1234',
    labels: {},
    env: [],
    entrypoint: 'sh',
    args: [],
    created: new Date(0),
    tty: false,
    daemonName: 'docker',
    options,
    directory,
    publicDirectory: directory,
    reopen: async () => {},
  });
  const parts: Uint8Array[] = [];
  const { signal } = new AbortController();
  const query = { stdout: true, stderr: true, timestamps: false, details: false, follow: false, signal };
  for await (const batch of log.read(query)) parts.push(...batch.map(chunk => chunk.data));
  await log.close();
  return Buffer.concat(parts).toString();
}

test.each([
  ['json-file', { 'max-size': '200k', 'max-file': '1000', compress: 'true' }, 'conmon.log'],
  ['local', { 'max-size': '200k', 'max-file': '1000' }, 'container.log'],
])(
  '%s loses, doubles and reorders nothing',
  async (driver, options, file) => {
    const rounds = Number(process.env['DOCKYARD_CRASH_ROUNDS'] ?? 6);
    const conmon = new FakeConmon(join(directory, file));
    const reopenAsked = join(directory, 'reopen');
    const lines: string[] = [];
    const write = async (milliseconds: number) => {
      for (const end = Date.now() + milliseconds; Date.now() < end; await Bun.sleep(1)) {
        if (existsSync(reopenAsked)) {
          unlinkSync(reopenAsked);
          await conmon.reopen();
        }
        for (let burst = 0; burst < 20; burst++) {
          const line = `${lines.length} ${'<é>'.repeat(lines.length % 200)}\n`;
          const cut = lines.length % 7 === 0 ? Math.floor(line.length / 2) : 0;
          if (cut > 0) conmon.write(line.slice(0, cut));
          conmon.write(line.slice(cut));
          lines.push(line);
        }
      }
    };
    for (let round = 0; round < rounds; round++) {
      // With a follower every line is converted at once.
      const worker = await startWorker(driver, options, round % 2 === 0);
      await write(10 + Math.random() * 100);
      worker.kill('SIGKILL');
      await worker.exited;
      await write(5);
    }
    const worker = await startWorker(driver, options);
    await write(20);
    conmon[Symbol.dispose]();
    worker.stdin.end();
    expect(await worker.exited).toBe(0);
    const log = await readAll(driver, options);
    expect(log.length).toBe(lines.join('').length);
    expect(log).toBe(lines.join(''));
  },
  60_000,
);
