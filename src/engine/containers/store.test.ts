import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerId } from '../../lib/ids.ts';
import { openState } from '../state/database.ts';
import { type ContainerRecord, ZERO_TIME } from './record.ts';
import { ContainerStore } from './store.ts';

function recordOf(id: string, name: string): ContainerRecord {
  return {
    id: id.padEnd(64, '0') as ContainerId,
    name,
    created: ZERO_TIME,
    image: { id: '', reference: '', os: 'linux', architecture: 'amd64' },
    config: {},
    hostConfig: {},
    path: 'sh',
    args: [],
    mounts: [],
    runtime: 'crun',
    logDriver: 'local',
    logOptions: {},
    phase: { kind: 'created' },
    startedAt: ZERO_TIME,
    finishedAt: ZERO_TIME,
    exitCode: 0,
    oomKilled: false,
    error: '',
    restartCount: 0,
    manuallyStopped: false,
  };
}

function withStore(use: (open: () => ContainerStore) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'store-'));
  try {
    use(() => new ContainerStore(openState(join(directory, 'state.db'))));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('finds by name, by id and by unique prefix', () => {
  withStore(open => {
    const store = open();
    store.insert(recordOf('abc1', 'web'));
    store.insert(recordOf('abd2', 'db'));
    expect(store.find('web')?.name).toBe('web');
    expect(store.find('/web')?.name).toBe('web');
    expect(store.find('abd')?.name).toBe('db');
    expect(store.find('nothing')).toBeUndefined();
    expect(() => store.find('ab')).toThrow('Multiple IDs found');
    expect(() => store.require('zz')).toThrow('No such container: zz');
  });
});

test('a name is well-formed and free, or the answer says who has it', () => {
  withStore(open => {
    const store = open();
    store.insert(recordOf('abc1', 'web'));
    expect(() => store.checkName('web')).toThrow('is already in use by container "abc1');
    expect(() => store.checkName('a')).toThrow('Invalid container name (a)');
    expect(() => store.checkName('-x')).toThrow('Invalid container name');
  });
});

test('what is stored is there after another opening, what was deleted is not', () => {
  withStore(open => {
    const store = open();
    const web = recordOf('abc1', 'web');
    store.insert(web);
    store.insert(recordOf('abd2', 'db'));
    web.exitCode = 7;
    store.rename(web, 'site');
    store.delete(recordOf('abd2', 'db').id);
    const again = open();
    expect(again.size).toBe(1);
    expect(again.find('site')?.exitCode).toBe(7);
    expect(again.find('web')).toBeUndefined();
  });
});
