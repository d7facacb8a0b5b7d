import { afterAll, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../../../lib/ids.ts';
import { busyboxArchive } from './busybox.ts';
import { messageExecutable } from './elf.ts';
import { helloMessage, helloWorldArchive } from './hello-world.ts';
import { librariesOf, registryArchive } from './registry.ts';

const scratch = mkdtempSync(join(tmpdir(), 'embedded-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe('the hello-world executable', () => {
  const native = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const path = join(scratch, 'hello');
  writeFileSync(path, messageExecutable(native, helloMessage(native)), { mode: 0o755 });

  test('writes its message and succeeds', () => {
    const ran = Bun.spawnSync([path]);
    expect({ code: ran.exitCode, said: ran.stdout.toString() }).toEqual({ code: 0, said: helloMessage(native) });
  });

  test('fails when the message cannot be written', () => {
    expect(Bun.spawnSync([path], { stdout: Bun.file('/dev/full') }).exitCode).toBe(1);
  });

  test('for arm64 points at its message', () => {
    const executable = messageExecutable('arm64', 'salut');
    const code = Number(executable.readBigUInt64LE(24)) - 0x40_0000;
    const adr = executable.readUInt32LE(code + 4);
    const distance = ((adr >>> 5) & 0x7ffff) << 2;
    expect(executable.subarray(code + 4 + distance).toString()).toBe('salut');
    expect(executable.readUInt32LE(code + 8)).toBe(0xd280_00a2); // mov x2, #5
  });
});

describe('an embedded archive', () => {
  const archives = { 'hello-world': helloWorldArchive, busybox: busyboxArchive };
  for (const [name, make] of Object.entries(archives)) {
    test(`of ${name} is the same each time`, async () => {
      expect(sha256((await make())!)).toBe(sha256((await make())!));
    });
  }

  test('of busybox unpacks to a root file system that runs', async () => {
    const archive = join(scratch, 'busybox.tar');
    writeFileSync(archive, (await busyboxArchive())!);
    expect(Bun.spawnSync(['tar', 'xf', archive, '-C', scratch]).exitCode).toBe(0);
    const read = (path: string) => Bun.file(join(scratch, path)).json();
    const blob = (digest: string) => `blobs/sha256/${digest.slice(7)}`;
    const index = await read('index.json');
    const manifest = await read(blob(index.manifests[0].digest));
    const root = join(scratch, 'root');
    const layer = join(scratch, blob(manifest.layers[0].digest));
    expect(Bun.spawnSync(['sh', '-c', `mkdir ${root} && tar xf ${layer} -C ${root}`]).exitCode).toBe(0);
    expect(Bun.spawnSync([join(root, 'bin/true')]).exitCode).toBe(0);
    expect(existsSync(join(root, 'etc/passwd'))).toBe(true);
  });
});

describe('the registry image', () => {
  test('takes the libraries that the loader gives an executable, and the loader', async () => {
    const libraries = (await librariesOf(process.execPath))!;
    expect(libraries.every(path => path.startsWith('/') && existsSync(path))).toBe(true);
    expect(libraries.some(path => /\/ld-[^/]*\.so/.test(path))).toBe(true);
    expect(libraries.some(path => /\/libc\./.test(path))).toBe(true);
  });

  test('is not made of what lacks one, and of a static executable needs none', async () => {
    expect(await librariesOf(join(scratch, 'none'))).toBeUndefined();
    const path = join(scratch, 'static');
    writeFileSync(path, messageExecutable(process.arch === 'arm64' ? 'arm64' : 'amd64', 'x'), { mode: 0o755 });
    expect(await librariesOf(path)).toEqual([]);
  });

  test('run from source there is nothing to make it of', async () => {
    expect(await registryArchive()).toBeUndefined();
  });
});
