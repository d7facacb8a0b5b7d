// After a restart, what is in the kernel and on disk is what the engine knows of, and nothing else.
import { Database } from 'bun:sqlite';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { TestEngine } from '../support/engine.ts';
import { findLeftovers } from '../support/leftovers.ts';
import { until } from '../support/until.ts';

const idsIn = (text: string) => text.match(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g) ?? [];

/** Throws with a list if there is something that no container of the engine's list accounts for. */
export async function expectNoOrphans(engine: TestEngine): Promise<void> {
  let orphans: string[] = [];
  await until(
    async () => {
      orphans = await findOrphans(engine);
      return orphans.length === 0;
    },
    // Processes of what has just ended need a moment to go.
    { what: () => `no orphans:\n${orphans.join('\n')}`, within: 15_000 },
  );
}

async function findOrphans(engine: TestEngine): Promise<string[]> {
  const list = (await engine.api.get('/containers/json?all=1')).ok.json<{ Id: string; State: string }[]>();
  const known = new Set(list.map(({ Id }) => Id));
  const up = new Set(list.filter(({ State }) => !['created', 'exited', 'dead'].includes(State)).map(({ Id }) => Id));
  const { processes, mounts, cgroups } = findLeftovers(engine.roots);
  const volumes = await strayVolumes(engine);
  const stray = (text: string, allowed: Set<string>) => idsIn(text).some(id => !allowed.has(id));
  return [
    ...processes
      .filter(({ pid }) => !isOrBelow(pid, engine.pid))
      .map(({ pid, command }) => `process ${pid}: ${command} ${cgroupOf(pid)}`)
      .filter(text => idsIn(text).length === 0 || stray(text, up)),
    ...mounts.filter(path => stray(path, up)).map(path => `mount ${path}`),
    ...cgroups.filter(path => stray(path, up)).map(path => `cgroup ${path}`),
    ...[`${engine.dataRoot}/containers`, `${engine.execRoot}/containers`]
      .filter(existsSync)
      .flatMap(directory => readdirSync(directory).map(name => `${directory}/${name}`))
      .filter(path => stray(path, known)),
    ...volumes.map(name => `volume ${name}`),
  ];
}

/** Volumes that nobody named go with their containers, if these are removed with `v`: so the cast does. */
async function strayVolumes(engine: TestEngine): Promise<string[]> {
  const filters = { dangling: ['true'], label: ['com.docker.volume.anonymous'] };
  const answer = await engine.api.get(`/volumes?filters=${encodeURIComponent(JSON.stringify(filters))}`);
  return answer.ok.json<{ Volumes: { Name: string }[] | null }>().Volumes?.map(({ Name }) => Name) ?? [];
}

function isOrBelow(pid: number, ancestor: number): boolean {
  for (let current = pid; current > 1; current = parentOf(current)) if (current === ancestor) return true;
  return false;
}

function parentOf(pid: number): number {
  return Number(/^\d+ \(.*\) . (\d+)/s.exec(readProc(pid, 'stat'))?.[1] ?? 0);
}

const cgroupOf = (pid: number) => idsIn(readProc(pid, 'cgroup'))[0] ?? '';

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // It has ended.
    return '';
  }
}

/** The databases under the data root open, and are whole. */
export function expectWholeDatabases(engine: TestEngine): void {
  const files = readdirSync(engine.dataRoot, { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.db'),
  );
  if (files.length === 0) throw new Error(`no database under ${engine.dataRoot}`);
  for (const file of files) {
    using database = new Database(`${engine.dataRoot}/${file}`, { readonly: true });
    const result = database.query('PRAGMA integrity_check').values();
    if (result[0]?.[0] !== 'ok') throw new Error(`${file}: ${JSON.stringify(result)}`);
  }
}
