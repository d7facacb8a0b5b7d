// docker cp, diff and export with real containers, by our client and by Docker's own.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { run } from '../support/process.ts';

let engine: TestEngine;
let host: string;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});
beforeEach(() => {
  host = `${engine.roots.base}/host`;
  rmSync(host, { recursive: true, force: true });
  mkdirSync(`${host}/tree/deep`, { recursive: true });
  writeFileSync(`${host}/tree/deep/file`, 'content', { mode: 0o640 });
  symlinkSync('deep/file', `${host}/tree/link`);
});

const sleeping = () => engine.output('run', '-d', 'busybox', 'sleep', '1000');

describe.each(['running', 'created', 'exited'])('a %s container', state => {
  let id: string;
  beforeAll(async () => {
    id =
      state === 'running'
        ? await sleeping()
        : await engine.output('create', '-v', 'archive-data:/data', 'busybox', 'true');
    if (state === 'exited') {
      await engine.output('start', '-a', id);
    }
  });

  test('takes files and directories and gives them back', async () => {
    await engine.output('cp', `${host}/tree`, `${id}:/tmp`);
    await engine.output('cp', `${host}/tree/deep/file`, `${id}:/renamed`);
    await engine.output('cp', `${id}:/tmp/tree`, `${host}/back`);
    expect(readFileSync(`${host}/back/deep/file`, 'utf8')).toBe('content');
    expect(statSync(`${host}/back/deep/file`).mode & 0o777).toBe(0o640);
    expect(readlinkSync(`${host}/back/link`)).toBe('deep/file');
    await engine.output('cp', `${id}:/renamed`, `${host}/renamed`);
    expect(readFileSync(`${host}/renamed`, 'utf8')).toBe('content');
    await engine.output('cp', '-L', `${id}:/tmp/tree/link`, `${host}/followed`);
    expect(readFileSync(`${host}/followed`, 'utf8')).toBe('content');
  });

  test('gives a tar and takes one', async () => {
    await run(['tar', '-C', `${host}/tree`, '-cf', `${host}/in.tar`, '.']);
    const input = readFileSync(`${host}/in.tar`);
    await engine.run(['cp', '-', `${id}:/mnt/..`], { input });
    const listed = await engine.run(['cp', `${id}:/deep`, '-']);
    expect(listed.stdout).toContain('deep/file');
  });

  test('says what is not there', async () => {
    const missing = await engine.docker('cp', `${id}:/missing`, host);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('Could not find the file /missing in container');
  });
});

test('paths lead into volumes and binds, and not out of the container', async () => {
  writeFileSync(`${host}/bound`, 'bound');
  const options = ['-v', 'archive-data:/data', '-v', `${host}/bound:/bound:ro`];
  const id = await engine.output(
    'run',
    '-d',
    ...options,
    'busybox',
    'sh',
    '-c',
    `echo in > /data/x; ln -s ${host} /out; ln -s / /data/root; sleep 1000`,
  );
  await engine.output('exec', id, 'sh', '-c', 'until [ -e /data/root ]; do sleep 0.1; done');
  await engine.output('cp', `${id}:/data/x`, `${host}/x`);
  expect(readFileSync(`${host}/x`, 'utf8')).toBe('in\n');
  await engine.output('cp', `${id}:/data/root/data/x`, `${host}/same`);
  expect(existsSync(`${host}/same`)).toBe(true);
  expect((await engine.docker('cp', `${id}:/out/bound`, `${host}/stolen`)).stderr).toContain('Could not find the file');
  expect((await engine.docker('cp', `${host}/tree`, `${id}:/out/`)).code).toBe(1);
  const refused = await engine.docker('cp', `${host}/tree/deep/file`, `${id}:/bound`);
  expect(refused.code).toBe(1);
  expect(readFileSync(`${host}/bound`, 'utf8')).toBe('bound');
});

test('a read-only container refuses files', async () => {
  const id = await engine.output('run', '-d', '--read-only', '-v', 'archive-data:/data', 'busybox', 'sleep', '1000');
  expect((await engine.docker('cp', `${host}/tree`, `${id}:/etc`)).stderr).toContain(
    'container rootfs is marked read-only',
  );
  await engine.output('cp', `${host}/tree`, `${id}:/data`);
  expect(await engine.output('exec', id, 'cat', '/data/tree/link')).toBe('content');
});

test('diff names what changed', async () => {
  const id = await engine.output(
    'run',
    '-d',
    'busybox',
    'sh',
    '-c',
    'mkdir /made; echo x > /made/file; rm /bin/vi; sleep 1000',
  );
  await engine.output('exec', id, 'sh', '-c', 'until [ -e /made/file ] && ! [ -e /bin/vi ]; do sleep 0.1; done');
  expect((await engine.output('diff', id)).split('\n').sort()).toEqual([
    'A /made',
    'A /made/file',
    'C /bin',
    'D /bin/vi',
  ]);
  expect(await engine.output('diff', await sleeping())).toBe('');
});

test('export is a tar of the root', async () => {
  const id = await sleeping();
  await engine.output('cp', `${host}/tree`, `${id}:/`);
  await engine.output('export', '-o', `${host}/root.tar`, id);
  const { stdout } = await run(['tar', '-tvf', `${host}/root.tar`]);
  expect(stdout).toMatch(/^-rw-r----- .* 7 .* tree\/deep\/file$/m);
  expect(stdout).toMatch(/^l.* tree\/link -> deep\/file$/m);
});

test('Docker’s own client copies both ways', async () => {
  const id = await sleeping();
  expect(await engine.official('cp', `${host}/tree`, `${id}:/`)).toMatchObject({ code: 0 });
  expect(await engine.official('cp', `${id}:/tree/.`, `${host}/again`)).toMatchObject({ code: 0 });
  expect(readFileSync(`${host}/again/deep/file`, 'utf8')).toBe('content');
});

test('the engine’s files of /etc are what the container sees', async () => {
  const id = await engine.output('run', '-d', '--network', 'none', '--hostname', 'copied', 'busybox', 'sleep', '1000');
  expect((await engine.docker('cp', `${id}:/etc/hostname`, '-')).stdout).toContain('copied\n');
  expect((await engine.docker('cp', `${id}:/etc/hosts`, '-')).stdout).toContain('localhost');
});
