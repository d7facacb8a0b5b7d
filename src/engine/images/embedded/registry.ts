// dockyard/registry:latest: our registry as a container. Its root file system is this very executable and the libraries that
// the machine's loader gives it, so it is made when it is asked for and always speaks as the engine does.
import { arch } from 'node:os';
import { isCompiled } from '../../../lib/self.ts';
import type { ByteSource } from '../../../lib/streams.ts';
import { type PartialTarEntry, type TarInput, tarEntry, writeTar } from '../../../lib/tar/writer.ts';
import { type LargeLayer, ociArchive } from './oci-archive.ts';

export const REGISTRY = 'docker.io/dockyard/registry:latest';

const PROGRAM = '/usr/local/bin/dockyard';
const DATA = '/var/lib/dockyard-registry';
const PORT = 5000;
const architectures: Partial<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Undefined if there is no executable to make it of (when run from source), or none whose libraries can be found. */
export async function registryArchive(): Promise<ByteSource | undefined> {
  const architecture = architectures[arch()];
  if (!isCompiled || !architecture) return undefined;
  // By its process, because the file may have been replaced since.
  const executable = `/proc/${process.pid}/exe`;
  const libraries = await librariesOf(executable);
  if (!libraries) return undefined;
  const modified = Bun.file(executable).lastModified;
  const layer = () => layerOf(executable, libraries, BigInt(modified) * 1_000_000n);
  return ociArchive(REGISTRY, [
    {
      os: 'linux',
      architecture,
      ...(architecture === 'arm64' && { variant: 'v8' }),
      // Of the same executable the same image, whenever it is made.
      created: new Date(modified).toISOString(),
      config: {
        Entrypoint: ['dockyard', 'registry'],
        Cmd: ['serve', `--addr=:${PORT}`],
        Env: ['PATH=/usr/local/bin'],
        ExposedPorts: { [`${PORT}/tcp`]: {} },
        Volumes: { [DATA]: {} },
        WorkingDir: '/',
      },
      layers: [await measured(layer)],
    },
  ]);
}

/** Where the loader finds what an executable needs, the loader itself among them. Undefined if it can't be told. */
export async function librariesOf(executable: string): Promise<string[] | undefined> {
  const ldd = Bun.which('ldd');
  if (ldd === null) return undefined;
  const child = Bun.spawn([ldd, executable], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (/not a dynamic executable|statically linked/.test(out + err)) return [];
  if (code !== 0 || /=> not found/.test(out)) return undefined;
  return [...out.matchAll(/(?:^|=>)\s*(\/\S+) \(0x/gm)].map(([, path]) => path!).sort();
}

async function measured(content: () => ByteSource): Promise<LargeLayer> {
  const hash = new Bun.CryptoHasher('sha256');
  let size = 0;
  for await (const chunk of content()) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: `sha256:${hash.digest('hex')}` as LargeLayer['digest'], size, content };
}

function layerOf(executable: string, libraries: readonly string[], modified: bigint): ByteSource {
  const files = [...libraries.map(path => ({ path, from: path })), { path: PROGRAM, from: executable }];
  const entry = (given: PartialTarEntry) => tarEntry({ modified, ...given });
  const directories = new Set(['tmp', ...[`${DATA}/x`, ...files.map(({ path }) => path)].flatMap(parentsOf)]);
  const inputs: TarInput[] = [
    ...[...directories].sort().map(name => ({
      entry: entry({ name, kind: 'directory', mode: name === 'tmp' ? 0o1777 : 0o755 }),
    })),
    ...files.map(({ path, from }) => {
      const file = Bun.file(from);
      return { entry: entry({ name: path.slice(1), kind: 'file', mode: 0o755, size: file.size }), body: file.stream() };
    }),
  ];
  return writeTar(inputs);
}

/** '/a/b/c' has 'a' and 'a/b'. */
function parentsOf(path: string): string[] {
  const parts = path.slice(1).split('/').slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}
