// Volumes of plugins, over Docker's plugin protocol.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { until } from '../support/until.ts';
import { type VolumePlugin, volumePlugin } from '../support/volume-plugin.ts';

let engine: TestEngine;
let plugin: VolumePlugin;

beforeAll(async () => {
  engine = await startEngine();
  plugin = volumePlugin(engine, 'shelf');
});

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  await plugin?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  plugin.calls.length = 0;
  plugin.refusals.clear();
});

const docker = (...args: string[]) => engine.output(...args);

describe('a volume of a plugin', () => {
  test('is created, shown, used by two containers, and removed', async () => {
    expect(await docker('volume', 'create', '-d', 'shelf', '-o', 'size=1', '--label', 'a=b', 'books')).toBe('books');
    expect(plugin.requests('Create')).toEqual([{ Name: 'books', Opts: { size: '1' } }]);
    const shown = (await engine.api.get('/volumes/books')).ok.json<Record<string, unknown>>();
    expect(shown).toMatchObject({
      Name: 'books',
      Driver: 'shelf',
      Scope: 'global',
      Labels: { a: 'b' },
      Options: { size: '1' },
      Status: { place: 'shelf' },
      Mountpoint: expect.stringContaining('/volumes-of-shelf/books'),
    });
    await docker('run', '-d', '--name', 'reader', '-v', 'books:/data', 'busybox', 'sleep', '600');
    await docker('run', '--rm', '-v', 'books:/data', 'busybox', 'sh', '-c', 'echo page > /data/one');
    expect(await docker('exec', 'reader', 'cat', '/data/one')).toBe('page');
    expect(plugin.volumes.get('books')?.size).toBe(1);
    const [first, second] = plugin.requests('Mount').map(({ ID }) => ID);
    expect(first).not.toBe(second);
    const { Mounts } = await engine.inspect('reader');
    expect(Mounts?.[0]).toMatchObject({ Type: 'volume', Name: 'books', Driver: 'shelf', Source: shown['Mountpoint'] });
    expect((await engine.docker('volume', 'rm', 'books')).stderr).toContain('volume is in use');
    await docker('rm', '-f', 'reader');
    expect(plugin.volumes.get('books')?.size).toBe(0);
    await docker('volume', 'rm', 'books');
    expect(plugin.methods.at(-1)).toBe('Remove');
    expect((await engine.docker('volume', 'inspect', 'books')).stderr).toContain('no such volume');
  });

  test('is made by a run, with a name or without, and gets what the image has at its place', async () => {
    await docker('run', '--rm', '--volume-driver', 'shelf', '-v', 'fresh:/etc', 'busybox', 'ls', '/etc/passwd');
    await docker('run', '--rm', '--mount', 'type=volume,src=fresh,dst=/x', 'busybox', 'cat', '/x/passwd');
    await docker('run', '--rm', '--volume-driver', 'shelf', '-v', '/data', 'busybox', 'true');
    expect([...plugin.volumes.keys()]).toEqual(['fresh']);
    const sub = 'type=volume,src=fresh,dst=/x,volume-subpath=passwd';
    expect(await docker('run', '--rm', '--mount', sub, 'busybox', 'cat', '/x')).toContain('root');
    await docker('volume', 'rm', 'fresh');
  });

  test('is in the lists, also one that the engine did not make', async () => {
    await docker('volume', 'create', '-d', 'shelf', 'mine');
    await docker('volume', 'create', 'plain');
    plugin.volumes.set('theirs', new Set());
    const list = await docker('volume', 'ls', '--format', '{{.Driver}} {{.Name}}');
    expect(list.split('\n')).toEqual(['shelf mine', 'local plain', 'shelf theirs']);
    expect(await docker('volume', 'ls', '-q', '--filter', 'driver=shelf')).toBe('mine\ntheirs');
    expect(await docker('volume', 'inspect', '--format', '{{.Driver}}', 'theirs')).toBe('shelf');
    const { Plugins } = (await engine.api.get('/info')).ok.json<{ Plugins: { Volume: string[] } }>();
    expect(Plugins.Volume).toEqual(['local', 'shelf']);
    // Not ours to throw away.
    await docker('volume', 'prune', '-a', '-f');
    expect([...plugin.volumes.keys()]).toEqual(['mine', 'theirs']);
    await docker('volume', 'rm', 'mine', 'theirs');
    expect([...plugin.volumes.keys()]).toEqual([]);
  });

  test('that is refused leaves nothing, and says why', async () => {
    plugin.refusals.set('Create', 'the shelf is full');
    const refused = await engine.docker('volume', 'create', '-d', 'shelf', 'never');
    expect(refused.stderr).toContain('create never: plugin shelf: VolumeDriver.Create: the shelf is full');
    plugin.refusals.clear();
    expect(await docker('volume', 'ls', '-q')).toBe('');
    await docker('volume', 'create', '-d', 'shelf', 'stuck');
    plugin.refusals.set('Mount', 'stuck');
    const run = await engine.docker('run', '--rm', '-v', 'stuck:/x', 'busybox', 'true');
    expect([run.code, run.stderr]).toEqual([125, expect.stringContaining("error while mounting volume 'stuck'")]);
    plugin.refusals.clear();
    await docker('run', '--rm', '-v', 'stuck:/x', 'busybox', 'true');
    plugin.refusals.set('Remove', 'nailed');
    expect((await engine.docker('volume', 'rm', 'stuck')).stderr).toContain('nailed');
    expect(await docker('volume', 'ls', '-q')).toBe('stuck');
    await docker('volume', 'rm', '-f', 'stuck');
    plugin.volumes.clear();
    const missing = await engine.docker('volume', 'create', '-d', 'nowhere', 'x');
    expect(missing.stderr).toContain('error looking up volume plugin nowhere: plugin "nowhere" not found');
    await docker('volume', 'create', 'taken');
    expect((await engine.docker('volume', 'create', '-d', 'shelf', 'taken')).stderr).toContain(
      "driver 'local' already has volume 'taken'",
    );
    await docker('volume', 'rm', 'taken');
  });
});

describe('when the plugin is not there', () => {
  test('containers go on, and what ended meanwhile is unmounted when it comes back', async () => {
    await docker('volume', 'create', '-d', 'shelf', 'away');
    await docker('run', '-d', '--name', 'user', '-v', 'away:/x', 'busybox', 'sleep', '600');
    await plugin.stop();
    await docker('exec', 'user', 'touch', '/x/file');
    const list = (await engine.api.get('/volumes')).ok.json();
    expect(list).toEqual({ Volumes: [], Warnings: ['volume plugin shelf does not answer'] });
    await docker('rm', '-f', 'user');
    expect(plugin.volumes.get('away')?.size).toBe(1);
    plugin.start();
    await until(() => plugin.volumes.get('away')?.size === 0);
    await docker('volume', 'rm', 'away');
  });

  test('an engine that is killed gives back what ended without it, and keeps what runs', async () => {
    await docker('volume', 'create', '-d', 'shelf', 'kept');
    for (const name of ['k1', 'k2']) {
      await docker('run', '-d', '--name', name, '-v', 'kept:/x', 'busybox', 'sleep', '600');
    }
    expect(plugin.volumes.get('kept')?.size).toBe(2);
    const pid = (await engine.inspect('k2')).State!.Pid!;
    await engine.kill();
    process.kill(pid, 'SIGKILL');
    await engine.start();
    await until(() => plugin.volumes.get('kept')?.size === 1);
    await docker('exec', 'k1', 'touch', '/x/alive');
    await docker('rm', '-f', 'k1', 'k2');
    await until(() => plugin.volumes.get('kept')?.size === 0);
    await docker('volume', 'rm', 'kept');
  });

  test('a start waits for it', async () => {
    await docker('volume', 'create', '-d', 'shelf', 'late');
    await docker('create', '--name', 'waits', '-v', 'late:/x', 'busybox', 'true');
    await plugin.stop();
    const start = docker('start', '-a', 'waits');
    await until(() => engine.log !== '');
    plugin.start();
    await start;
    await docker('rm', 'waits');
    await docker('volume', 'rm', 'late');
  });
});
