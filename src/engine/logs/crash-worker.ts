// For crash.test.ts: what a daemon does for one container's log, in a process that can be killed.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerId } from '../../lib/ids.ts';
import { logDriver } from './drivers.ts';

const [driver, directory, options] = process.argv.slice(2);
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
  compressAfterMilliseconds: 0,
  async reopen() {
    writeFileSync(join(directory!, 'reopen'), '');
  },
});
log.attach();
process.stdin.on('end', async () => {
  await log.detach();
  await log.close();
  process.exit(0);
});
process.stdin.resume();
console.log('ready');
