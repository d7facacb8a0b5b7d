// docker manifest: ours and Docker's client do the same to the same registry, and read each other's lists. Where Docker's client is
// not here, or so old that it knows no OCI manifests, ours is tested alone.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { testImage } from '../../src/content/testing/layers.ts';
import { ociLayout } from '../../src/engine/images/testing/store.ts';
import { type OfficialRegistry, startOfficialRegistry } from '../support/official-registry.ts';
import { output, type Ran, run } from '../support/process.ts';
import { ourClient } from '../support/programs.ts';
import { currentClient } from './same-output.ts';

const { path: newest, reason } = await currentClient();

const base = mkdtempSync(`${tmpdir()}/dockyard-manifests-`);
let registry: OfficialRegistry;
const name = (rest: string) => `${registry.host}/${rest}`;

type Client = 'ours' | 'official';

/** Without any engine: none is needed. Each client has its own directory, unless it is told another's. */
function manifest(client: Client, args: readonly string[], directory: string = client): Promise<Ran> {
  const command = client === 'ours' ? ourClient : [newest!];
  const environment = { ...process.env, DOCKER_HOST: 'unix:///nowhere', DOCKER_CONFIG: `${base}/${directory}` };
  return run([...command, 'manifest', ...args], { environment });
}

/** Both say the same. */
async function both(...args: string[]): Promise<string> {
  const ours = await manifest('ours', args);
  if (newest === undefined) return ours.stdout + ours.stderr;
  const official = await manifest('official', args);
  expect([ours.code, ours.stdout, ours.stderr.trim()]).toEqual([
    official.code,
    official.stdout,
    official.stderr.trim(),
  ]);
  return ours.stdout + ours.stderr;
}

async function pushImage(to: string, architecture: string): Promise<void> {
  const image = await testImage([{ hello: architecture }], { architecture });
  await Bun.write(`${base}/image.tar`, await ociLayout(image, ['image']));
  const copy = ['skopeo', 'copy', '-q', '--insecure-policy', '--dest-tls-verify=false'];
  await output([...copy, `oci-archive:${base}/image.tar`, `docker://${to}`]);
}

beforeAll(async () => {
  registry = await startOfficialRegistry();
  await pushImage(name('app:amd64'), 'amd64');
  await pushImage(name('other:arm64'), 'arm64');
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(base, { recursive: true });
});
beforeEach(() => {
  for (const client of ['ours', 'official']) rmSync(`${base}/${client}/manifests`, { recursive: true, force: true });
});

test('an image is shown as the registry has it', async () => {
  expect(await both('inspect', '--insecure', name('app:amd64'))).toContain('"layers"');
  expect(await both('inspect', '--insecure', '--verbose', name('app:amd64'))).toContain('"architecture": "amd64"');
  expect(await both('inspect', '--insecure', name('app:none'))).toBe(`no such manifest: ${name('app:none')}\n`);
});

test('a list is created, annotated, pushed and read again', async () => {
  const list = name('list:1');
  expect(await both('create', '--insecure', list, name('app:amd64'))).toBe(`Created manifest list ${list}\n`);
  expect(await both('create', '--insecure', list, name('other:arm64'))).toContain('--amend');
  await both('create', '--insecure', '--amend', list, name('other:arm64'));
  await both('annotate', list, name('other:arm64'), '--variant', 'v8', '--os-version', '7', '--os-features', 'one,two');
  await both('annotate', list, name('other:arm64'), '--os-features', 'two,three');
  expect(await both('inspect', list)).toContain('"three"');
  await both('inspect', '--verbose', list);
  expect(await both('inspect', list, name('app:amd64'))).toContain('"layers"');

  // The digest that is said last is the list's: the same bytes.
  const pushed = await both('push', '--insecure', '--purge', list);
  expect(pushed).toContain('Pushed ref');
  expect(readdirSync(`${base}/ours/manifests`)).toEqual([]);
  expect(await both('inspect', '--insecure', list)).toContain('"variant": "v8"');
  await both('inspect', '--insecure', '--verbose', list);
  // The blobs of the other repository came along.
  const copy = ['skopeo', 'copy', '-q', '--all', '--insecure-policy', '--src-tls-verify=false'];
  await output([...copy, `docker://${list}`, `oci:${base}/copied:1`]);
});

test.skipIf(newest === undefined)(
  `what one client began the other goes on with (${reason || 'both are here'})`,
  async () => {
    const list = name('shared:1');
    await manifest('official', ['create', '--insecure', list, name('app:amd64')]);
    expect((await manifest('ours', ['create', '--insecure', '-a', list, name('other:arm64')], 'official')).code).toBe(
      0,
    );
    const [ours, official] = await Promise.all([
      manifest('ours', ['inspect', '-v', list], 'official'),
      manifest('official', ['inspect', '-v', list], 'official'),
    ]);
    expect(ours.stdout).toBe(official.stdout);
    expect((await manifest('official', ['push', '--insecure', list], 'official')).code).toBe(0);
  },
);

describe('refused in Docker’s words', () => {
  test('lists and images that are not there', async () => {
    await both('rm', 'none', 'other');
    await both('push', name('none'));
    await both('annotate', name('none'), name('app:amd64'), '--arch', 'arm64');
    await both('create', '--insecure', name('one'), name('app:none'));
    await both('create', '--insecure', name('one'), name('app:amd64'));
    await both('annotate', name('one'), name('other:arm64'), '--arch', 'arm64');
    await both('rm', name('one'));
    await both('inspect', '--insecure', name('one'), name('app:amd64'));
  });

  test('a platform that does not exist, another registry, a list in a list', async () => {
    await both('create', '--insecure', name('two'), name('app:amd64'));
    await both('annotate', name('two'), name('app:amd64'), '--os', 'plan8');
    await both('create', '--insecure', 'elsewhere', name('app:amd64'));
    await both('push', '--insecure', 'elsewhere');
    await both('push', '--insecure', name('two'));
    await both('create', '--insecure', name('three'), name('two'));
    rmSync(`${base}/ours/manifests`, { recursive: true });
    rmSync(`${base}/official/manifests`, { recursive: true, force: true });
    expect(await both('create', '--insecure', name('three'), name('two'))).toContain('is a manifest list');
  });
});
