// busybox:latest, made from the distribution's static busybox when the machine has one.
import { arch } from 'node:os';
import { collect } from '../../../lib/streams.ts';
import { type PartialTarEntry, type TarInput, tarEntry, writeTar } from '../../../lib/tar/writer.ts';
import { ociArchive } from './oci-archive.ts';

export const BUSYBOX = 'docker.io/library/busybox:latest';

const candidates = ['/bin/busybox', '/usr/bin/busybox', '/usr/local/bin/busybox', '/bin/busybox.static'];
const architectures: Partial<Record<ReturnType<typeof arch>, { architecture: string; variant?: string }>> = {
  x64: { architecture: 'amd64' },
  arm64: { architecture: 'arm64', variant: 'v8' },
};

/** Undefined when the machine has no static busybox. */
export async function busyboxArchive(): Promise<Buffer | undefined> {
  const platform = architectures[arch()];
  if (!platform) return undefined;
  for (const path of candidates) {
    const file = Bun.file(path);
    if (!(await file.exists())) continue;
    const executable = await file.bytes();
    if (!isStatic(executable)) continue;
    const archive = ociArchive(BUSYBOX, [
      {
        os: 'linux',
        ...platform,
        // Of the same binary the same image, wherever and whenever it is made.
        created: new Date(file.lastModified).toISOString(),
        config: {
          Cmd: ['sh'],
          Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
          WorkingDir: '/',
        },
        layers: [await layer(executable, BigInt(file.lastModified) * 1_000_000n, await appletsOf(path))],
      },
    ]);
    return collect(archive);
  }
  return undefined;
}

async function appletsOf(path: string): Promise<string[]> {
  const process = Bun.spawn([path, '--list'], { stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' });
  const names = (await process.stdout.text()).split('\n').filter(name => name !== '' && name !== 'busybox');
  return names.sort();
}

/** No program interpreter, so it runs where there is no libc. */
function isStatic(executable: Uint8Array): boolean {
  const INTERPRETER = 3;
  const view = new DataView(executable.buffer, executable.byteOffset, executable.byteLength);
  if (executable.length < 64 || view.getUint32(0) !== 0x7f45_4c46) return false;
  const table = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (table + size * count > executable.length) return false;
  return Array.from({ length: count }, (_, index) => view.getUint32(table + index * size, true)).every(
    type => type !== INTERPRETER,
  );
}

const directories: Record<string, number> = {
  bin: 0o755,
  dev: 0o755,
  etc: 0o755,
  home: 0o755,
  root: 0o700,
  tmp: 0o1777,
  usr: 0o755,
  'usr/sbin': 0o755,
  'usr/bin': 0o755,
  var: 0o755,
  'var/spool': 0o755,
  'var/spool/mail': 0o755,
  'var/www': 0o755,
};

const users = [
  'root:x:0:0:root:/root:/bin/sh',
  'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
  'bin:x:2:2:bin:/bin:/bin/false',
  'sys:x:3:3:sys:/dev:/bin/false',
  'sync:x:4:100:sync:/bin:/bin/sync',
  'mail:x:8:8:mail:/var/spool/mail:/bin/false',
  'www-data:x:33:33:www-data:/var/www:/bin/false',
  'operator:x:37:37:Operator:/var:/bin/false',
  'nobody:x:65534:65534:nobody:/home:/bin/false',
];

const groups: Record<string, number> = {
  root: 0,
  daemon: 1,
  bin: 2,
  sys: 3,
  adm: 4,
  tty: 5,
  disk: 6,
  mail: 8,
  wheel: 10,
  'www-data': 33,
  operator: 37,
  users: 100,
  nobody: 65534,
};

const lines = (all: readonly string[]) => `${all.join('\n')}\n`;

const files: Record<string, { content: string; mode: number }> = {
  'etc/passwd': { content: lines(users), mode: 0o644 },
  'etc/shadow': { content: lines(users.map(user => `${user.split(':')[0]}:*:::::::`)), mode: 0o600 },
  'etc/group': { content: lines(Object.entries(groups).map(([name, id]) => `${name}:x:${id}:`)), mode: 0o644 },
  'etc/nsswitch.conf': { content: lines(['passwd: files', 'group: files', 'hosts: files dns']), mode: 0o644 },
};

function layer(executable: Uint8Array, modified: bigint, applets: readonly string[]): Promise<Buffer> {
  const entry = (given: PartialTarEntry) => tarEntry({ modified, ...given });
  const inputs: TarInput[] = [
    ...Object.entries(directories).map(([name, mode]) => ({ entry: entry({ name, kind: 'directory', mode }) })),
    { entry: entry({ name: 'bin/busybox', kind: 'file', mode: 0o755, size: executable.length }), body: executable },
    ...applets.map(name => ({
      entry: entry({ name: `bin/${name}`, kind: 'hardlink', mode: 0o755, linkName: 'bin/busybox' }),
    })),
    // Where scripts' first lines look for it.
    { entry: entry({ name: 'usr/bin/env', kind: 'hardlink', mode: 0o755, linkName: 'bin/busybox' }) },
    ...Object.entries(files).map(([name, { content, mode }]) => {
      const body = Buffer.from(content);
      return { entry: entry({ name, kind: 'file', mode, size: body.length }), body };
    }),
  ];
  return collect(writeTar(inputs));
}
