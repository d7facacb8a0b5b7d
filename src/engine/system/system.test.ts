import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerSummary, ImageSummary, Volume } from '../../wire/types.ts';
import { DiskUsageCounter } from './disk-usage.ts';
import { engineId } from './engine-id.ts';
import { fileSystemOf, openDescriptors, parseOsRelease } from './host-system.ts';
import { parseVersion, programVersion } from './programs.ts';
import { registryConfig } from './registry-config.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dockyard-system-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the version of a program', () => {
  test.each([
    ['crun version 1.8.1\ncommit: f8a096be\nrundir: /run/crun\nspec: 1.0.0\n', '1.8.1', 'f8a096be'],
    ['runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1\nspec: 1.0.2\n', '1.1.5+ds1', '1.1.5+ds1-1+deb12u1'],
    ['conmon version 2.1.6\ncommit: unknown\n', '2.1.6', ''],
    ['tini version 0.19.0 - git.de40ad0', '0.19.0', 'de40ad0'],
    ['no idea', '', ''],
  ])('%j', (text, version, commit) => {
    expect(parseVersion(text)).toEqual({ version, commit });
  });

  test('is asked once per installed file', async () => {
    const program = join(directory, 'program');
    const install = (version: string) => {
      writeFileSync(program, `#!/bin/sh\necho asked >> ${directory}/asked\necho program version ${version}\n`);
      chmodSync(program, 0o755);
    };
    install('1.2');
    const both = await Promise.all([programVersion(program), programVersion(program)]);
    expect(both.map(({ version }) => version)).toEqual(['1.2', '1.2']);
    expect(readFileSync(`${directory}/asked`, 'utf8')).toBe('asked\n');
    install('1.3.0');
    expect((await programVersion(program)).version).toBe('1.3.0');
  });

  test('of a program that is not there is unknown', async () => {
    expect(await programVersion('no-such-program')).toEqual({ version: '', commit: '' });
    expect(await programVersion('/no/such/program')).toEqual({ version: '', commit: '' });
  });
});

test('the operating system is named as os-release does', () => {
  const text = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian"\nVERSION_ID="12"\n';
  expect(parseOsRelease(text)).toEqual({ name: 'Debian GNU/Linux 12 (bookworm)', version: '12' });
  expect(parseOsRelease('PRETTY_NAME=\'A \\"B\\"\'\n')).toEqual({ name: 'A "B"', version: '' });
  expect(parseOsRelease('')).toEqual({ name: 'Linux', version: '' });
});

test('this machine has a file system and open descriptors', () => {
  expect(fileSystemOf('/proc')).toBe('<unknown>');
  expect(fileSystemOf(directory)).not.toBe('');
  expect(openDescriptors()).toBeGreaterThan(2);
});

test('an engine keeps its identity', () => {
  const id = engineId(directory);
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(engineId(directory)).toBe(id);
});

test('registries without TLS are hosts or networks', () => {
  const config = { insecureRegistries: ['r:5000', '10.0.0.0/8'], registryMirrors: ['https://m', 'https://n/'] };
  expect(registryConfig(config)).toEqual({
    InsecureRegistryCIDRs: ['::1/128', '127.0.0.0/8', '10.0.0.0/8'],
    IndexConfigs: {
      'docker.io': { Name: 'docker.io', Mirrors: ['https://m/', 'https://n/'], Secure: true, Official: true },
      'r:5000': { Name: 'r:5000', Mirrors: [], Secure: false, Official: false },
    },
    Mirrors: ['https://m/', 'https://n/'],
  });
});

describe('disk usage', () => {
  const containers: ContainerSummary[] = [
    { Id: 'a', State: 'running', SizeRw: 5 },
    { Id: 'b', State: 'exited', SizeRw: 7, ImageManifestDescriptor: null },
  ];
  const image = (Id: string, Size: number, SharedSize: number, Containers: number) =>
    ({ Id, Size, SharedSize, Containers }) as ImageSummary;
  const volume = (Name: string, Size: number, RefCount: number) => ({ Name, UsageData: { Size, RefCount } }) as Volume;
  let counted = 0;
  const counter = new DiskUsageCounter({
    containers: {
      counts: () => ({ running: 1, paused: 0, stopped: 1 }),
      list: async () => {
        counted++;
        return containers;
      },
    },
    images: {
      count: () => 2,
      usage: async () => ({ images: [image('i', 10, 4, 1), image('j', 20, 4, 0)], layersSize: 26 }),
    },
    volumes: { usage: async () => [volume('v', 3, 1), volume('w', 4, 0), volume('x', -1, 0)] },
  });

  test('tells what is used and what is not', async () => {
    const usage = await counter.count(new Set(['container', 'image', 'volume', 'build-cache']));
    expect(usage.containers).toMatchObject({ ActiveCount: 1, TotalCount: 2, Reclaimable: 7, TotalSize: 12 });
    expect(usage.containers?.Items[1]).toEqual({ Id: 'b', State: 'exited', SizeRw: 7 });
    expect(usage.images).toMatchObject({ ActiveCount: 1, TotalCount: 2, Reclaimable: 16, TotalSize: 26 });
    expect(usage.volumes).toMatchObject({ ActiveCount: 1, TotalCount: 3, Reclaimable: 4, TotalSize: 7 });
    expect(usage.buildCache).toMatchObject({ TotalCount: 0, TotalSize: 0 });
  });

  test('counts only what is asked for, and not twice at a time', async () => {
    counted = 0;
    const [one] = await Promise.all([counter.count(new Set(['container'])), counter.count(new Set(['container']))]);
    expect(Object.keys(one)).toEqual(['containers']);
    expect(counted).toBe(1);
  });
});
