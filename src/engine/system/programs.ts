// The programs an engine relies on: which version is installed. Asked once per installed file.
import { statSync } from 'node:fs';
import { messageOf } from '../../lib/errors.ts';
import { log } from '../../lib/logger.ts';

export interface ProgramVersion {
  version: string;
  /** '' when the program doesn't say. */
  commit: string;
}

const UNKNOWN: ProgramVersion = { version: '', commit: '' };
const SLOWEST_MS = 5000;

const known = new Map<string, { stamp: string; version: Promise<ProgramVersion> }>();

/** What `<program> --version` says; empty texts if it isn't there or says nothing that we can read. */
export async function programVersion(program: string): Promise<ProgramVersion> {
  const path = program.includes('/') ? program : Bun.which(program);
  if (!path) return UNKNOWN;
  try {
    const { mtimeMs, ino, size } = statSync(path);
    const stamp = `${mtimeMs} ${ino} ${size}`;
    const before = known.get(path);
    if (before?.stamp === stamp) return await before.version;
    const version = ask(path);
    known.set(path, { stamp, version });
    return await version;
  } catch (error) {
    log.warn('could not find out a version', { program: path, error: messageOf(error) });
    return UNKNOWN;
  }
}

async function ask(path: string): Promise<ProgramVersion> {
  const child = Bun.spawn([path, '--version'], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'ignore',
    timeout: SLOWEST_MS,
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
  });
  const text = await child.stdout.text();
  await child.exited;
  return parseVersion(text);
}

/** "crun version 1.8.1\ncommit: f8a0…" (runc and conmon alike), "tini version 0.19.0 - git.de40ad0". */
export function parseVersion(text: string): ProgramVersion {
  const version = /\bversion:?\s+v?(\d\S*)/i.exec(text)?.[1] ?? '';
  const commit = (/^commit:\s*(\S+)/m.exec(text) ?? /\bgit\.([0-9a-f]+)/.exec(text))?.[1] ?? '';
  return { version, commit: commit === 'unknown' ? '' : commit };
}
