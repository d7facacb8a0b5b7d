// hello-world:latest, for every architecture we can assemble for.
import { collect } from '../../../lib/streams.ts';
import { tarEntry, writeTar } from '../../../lib/tar/writer.ts';
import { type ElfArchitecture, messageExecutable } from './elf.ts';
import { ociArchive } from './oci-archive.ts';

export const HELLO_WORLD = 'docker.io/library/hello-world:latest';

const CREATED = '2026-01-01T00:00:00Z';

export const helloMessage = (architecture: ElfArchitecture) => `
Hello from Dockyard! This message was written inside a container.

What just happened:
 1. The docker command asked the engine, over its socket, for a container of the
    image "hello-world" (${architecture}).
 2. The engine had that image built in: one small program, and nothing else.
 3. It gave the container a root file system, namespaces and limits of its own,
    and had an OCI runtime start the program in there.
 4. The program wrote this text, the engine passed it on to the command, and the
    container ended.

Something with a shell in it:
 $ docker run -it --rm busybox
`;

export async function helloWorldArchive(): Promise<Buffer> {
  const architectures: ElfArchitecture[] = ['amd64', 'arm64'];
  const platforms = await Promise.all(
    architectures.map(async architecture => ({
      os: 'linux',
      architecture,
      ...(architecture === 'arm64' && { variant: 'v8' }),
      created: CREATED,
      config: {
        Cmd: ['/hello'],
        Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
        WorkingDir: '/',
      },
      layers: [await layer(messageExecutable(architecture, helloMessage(architecture)))],
    })),
  );
  return collect(ociArchive(HELLO_WORLD, platforms));
}

function layer(executable: Buffer): Promise<Buffer> {
  const modified = BigInt(Date.parse(CREATED)) * 1_000_000n;
  const entry = tarEntry({ name: 'hello', kind: 'file', mode: 0o755, size: executable.length, modified });
  return collect(writeTar([{ entry, body: executable }]));
}
