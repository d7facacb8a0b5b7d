// Which name was I called by. Everything is loaded only when it is needed: the client's start-up is felt on every command.
import { invocation } from './lib/self.ts';

interface Program {
  /** Resolves to the exit code; the process ends then. */
  run(args: string[]): Promise<number>;
}

const programs: Record<string, () => Promise<Program>> = {
  docker: () => import('./cli/docker.ts'),
  'docker-credential-dockyard': () => import('./cli/credential-helper/helper.ts'),
  dockerd: () => import('./daemon/dockerd.ts'),
  dockyard: () => import('./registry/server/program.ts'),
  'helper:pack-layer': () => import('./content/pack/helper.ts'),
  'helper:sync-file-system': () => import('./content/sync-helper.ts'),
  'helper:archive': () => import('./engine/archive/helper.ts'),
  'helper:port-proxy': () => import('./network/proxy-helper.ts'),
  'helper:unpack-layer': () => import('./content/unpack/helper.ts'),
};

const { program, args } = invocation();
const load = programs[program] ?? (program.startsWith('helper:') ? undefined : programs['docker']);
if (load) {
  process.exitCode = await (await load()).run(args);
} else {
  console.error(`dockyard: there is no ${program}`);
  process.exitCode = 2;
}
