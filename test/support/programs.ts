// Which executables are tested. `npm test` names the built ones; `bun test` alone takes them from dist if they are
// there, else runs from source.
import { existsSync } from 'node:fs';

const project = new URL('../../', import.meta.url).pathname;
const dist = process.env['DOCKYARD_TEST_DIST'] ?? `${project}dist`;
const fromSource = process.env['DOCKYARD_TEST_SOURCE'] === '1' || !existsSync(`${dist}/dockerd`);

function ours(name: 'docker' | 'dockerd'): string[] {
  if (fromSource) return [process.execPath, `${project}src/main.ts`, '--dockyard-program', name];
  return [`${dist}/${name}`];
}

export const ourClient = ours('docker');
export const ourDaemon = ours('dockerd');

/** Docker's own client, which `npm test` sees to. */
export function officialClient(): string {
  const candidates = [
    process.env['DOCKYARD_TEST_OFFICIAL_CLIENT'],
    '/usr/local/bin/docker',
    '/usr/bin/docker',
    `${project}.cache/official-client/usr/bin/docker`,
  ];
  const found = candidates.find(path => path !== undefined && existsSync(path));
  if (!found) throw new Error("Docker's own client is not here: `npm test` fetches it");
  return found;
}
