// For crash.test.ts: what a daemon does for one container's log, in a process that can be killed.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerId } from '../../lib/ids.ts';
import { logDriver } from './drivers.ts';

const [driver, directory, options, follow] = process.argv.slice(2);
const log = logDriver(driver!).open({
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
  options: JSON.parse(options!) as Record<string, string>,
  directory: directory!,
  publicDirectory: directory!,
  compressAfterMilliseconds: 0,
  async reopen() {
    writeFileSync(join(directory!, 'reopen'), '');
  },
});
log.attach();
async function readOn(): Promise<void> {
  const { signal } = new AbortController();
  for await (const _ of log.read({
    stdout: true,
    stderr: true,
    timestamps: false,
    details: false,
    follow: true,
    signal,
  }));
}

if (follow === 'true') void readOn();
process.stdin.on('end', async () => {
  await log.detach({ discard: false });
  await log.close();
  process.exit(0);
});
process.stdin.resume();
console.log('ready');
