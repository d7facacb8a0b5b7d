// Which executables are tested. `npm test` names the built ones; `bun test` alone takes them from dist if they are
// there, else runs from source.
import { existsSync } from 'node:fs';

const project = new URL('../../', import.meta.url).pathname;
const dist = process.env['DOCKYARD_TEST_DIST'] ?? `${project}dist`;
const fromSource = process.env['DOCKYARD_TEST_SOURCE'] === '1' || !existsSync(`${dist}/dockerd`);

function ours(name: 'docker' | 'dockerd' | 'dockyard'): string[] {
  if (fromSource) return [process.execPath, `${project}src/main.ts`, '--dockyard-program', name];
  return [`${dist}/${name}`];
}

export const ourClient = ours('docker');
export const ourDaemon = ours('dockerd');
export const ourDockyard = ours('dockyard');

/** Where Debian's Docker is: '/' if it is installed, else unpacked beside us by `npm test`. */
const officialRoot = (
  process.env['DOCKYARD_TEST_OFFICIAL_ROOT'] ??
  (existsSync('/usr/sbin/dockerd') ? '/' : `${project}.cache/official-docker`)
).replace(/\/$/, '');

const others = process.env['DOCKYARD_TEST_OFFICIAL_CLIENTS'] ?? '/usr/local/bin/docker';

/** Docker's own clients on this machine, the newest last. */
export const officialClients: readonly string[] = [
  `${officialRoot}/usr/bin/docker`,
  ...others.split(':').filter(path => path !== '' && existsSync(path)),
];

export function officialClient(): string {
  const newest = officialClients.at(-1)!;
  if (!existsSync(newest)) throw new Error("Docker's own client is not here: `npm test` fetches it");
  return newest;
}

const libraries = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';

/** Docker's own engine: its programs find each other by PATH, its libraries by LD_LIBRARY_PATH. */
export const officialDaemon = {
  path: `${officialRoot}/usr/sbin/dockerd`,
  environment: {
    ...process.env,
    PATH: `${officialRoot}/usr/bin:${officialRoot}/usr/sbin:${process.env['PATH']}`,
    ...(officialRoot !== '' && {
      LD_LIBRARY_PATH: `${officialRoot}/lib/${libraries}:${officialRoot}/usr/lib/${libraries}`,
    }),
  },
};
