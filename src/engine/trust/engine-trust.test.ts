// Pulls and runs under a policy, with registries that know the referrers API and such that do not.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { MEDIA_TYPES } from '../../content/oci.ts';
import { type TestImage, testImage } from '../../content/testing/layers.ts';
import { sha256 } from '../../lib/ids.ts';
import { parseReference } from '../../lib/reference.ts';
import { type RunningRegistry, serveRegistry } from '../../registry/server/serve.ts';
import { NO_CREDENTIALS } from '../../registry/session.ts';
import { failure, TestRegistry } from '../../registry/testing/registry.ts';
import { signWithKey } from '../../signatures/cosign.ts';
import { signWithChain } from '../../signatures/notation.ts';
import { generateSigningKey } from '../../signatures/private-keys.ts';
import { testChain } from '../../signatures/testing/chain.ts';
import { TestImages } from '../images/testing/store.ts';
import { Registries } from '../images/transfer/registries.ts';
import { openState, type StateDatabase } from '../state/database.ts';
import { EngineTrust } from './engine-trust.ts';

const chain = testChain();
const alice = generateSigningKey();
const mallory = generateSigningKey();

let directory: string;
let ours: RunningRegistry;
let old: TestRegistry;
let images: TestImages;
let database: StateDatabase;
let trust: EngineTrust;
let image: TestImage;
let next: TestImage;

beforeEach(async () => {
  directory = mkdtempSync(`${tmpdir()}/trust-`);
  ours = await serveRegistry({ hostname: '127.0.0.1', port: 0, root: `${directory}/registry` });
  old = new TestRegistry();
  images = await TestImages.open();
  image = await testImage([{ a: '1' }]);
  next = await testImage([{ a: '2' }]);
  writeFileSync(`${directory}/alice.pub`, createPublicKey(alice).export({ type: 'spki', format: 'pem' }));
  writeFileSync(`${directory}/root.crt`, chain.root.toString());
  policy('enforce');
  await open();
});

afterEach(async () => {
  await images[Symbol.asyncDispose]();
  database.close();
  old[Symbol.dispose]();
  await ours[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const registries = new Registries({
  insecureRegistries: [],
  registryMirrors: [],
  proxies: { http: '', https: '', no: '' },
  maxConcurrentDownloads: 3,
  maxConcurrentUploads: 3,
  maxDownloadAttempts: 1,
});

/** An engine with this trust; again, after it was closed. */
async function open(): Promise<void> {
  database = openState(`${images.root}/state.db`);
  trust = new EngineTrust({ file: `${directory}/policy.json`, mustExist: true, database, registries });
  await images.stop();
  images.trust = trust;
  await images.start();
}

const policyText = (mode: string, more: object = {}) =>
  JSON.stringify({
    rules: [{ repositories: ['127.0.0.1:*'], mode, keys: ['alice.pub'], certificates: ['root.crt'], ...more }],
  });
const policy = (mode: string, more: object = {}) => writeFileSync(`${directory}/policy.json`, policyText(mode, more));

const signal = new AbortController().signal;
const host = () => new URL(ours.url).host;
const request = (name: string) => ({ reference: parseReference(name), credentials: NO_CREDENTIALS, signal });

/** Pushes it past the policy. */
async function push(what: TestImage, name: string): Promise<string> {
  await images.load(what, name);
  await images.push(name);
  await images.store.remove(name, { force: true, noPrune: false, platforms: [] });
  return name;
}

const sign = (name: string, key: KeyObject, what = image) =>
  trust.attach(request(name), what.target, signWithKey(key, name, what.target.digest));
const notate = (name: string, what = image) =>
  trust.attach(request(name), what.target, signWithChain(chain.leafKey, [chain.leaf, chain.root], what.target));

const admit = async (name: string, signatureRequired = false) =>
  images.store.admit(images.store.get(name), name, { signatureRequired });

for (const [kind, hostOf] of Object.entries({ 'with the referrers API': host, 'without it': () => old.host })) {
  describe(`a registry ${kind}`, () => {
    let name: string;
    beforeEach(async () => {
      name = await push(image, `${hostOf()}/team/app:1`);
    });

    test('unsigned is refused, and nothing of it is kept', async () => {
      const { digest } = image.target;
      await expect(images.pull(name)).rejects.toThrow(
        `(enforce, for "127.0.0.1:*") refuses ${hostOf()}/team/app@${digest}: it has no signature`,
      );
      expect(await images.leftovers()).toEqual({ blobs: 0, layers: 0, ingest: [] });
    });

    test('signed is pulled: by cosign’s key, or by a certificate', async () => {
      await sign(name, alice);
      expect((await images.pull(name)).at(-1)).toContain('Downloaded newer image');
      const other = await push(next, `${hostOf()}/team/other:1`);
      await notate(other, next);
      expect((await images.pull(other)).at(-1)).toContain('Downloaded newer image');
    });

    test('of several signatures one good one is enough; both kinds live side by side', async () => {
      await sign(name, mallory);
      await expect(images.pull(name)).rejects.toThrow(
        'its only signature is no good (cosign: it was made with none of the keys alice.pub)',
      );
      await notate(name);
      await sign(name, alice);
      await images.pull(name);
      const { signatures } = await trust.inspect(request(name));
      expect(signatures.map(({ format, valid }) => `${format} ${valid}`).sort()).toEqual([
        'cosign false',
        'cosign true',
        'notation true',
      ]);
    });

    test('signing twice leaves one', async () => {
      await notate(name);
      await sign(name, mallory);
      const evidence = signWithKey(alice, name, image.target.digest);
      await trust.attach(request(name), image.target, evidence);
      await trust.attach(request(name), image.target, evidence);
      expect((await trust.inspect(request(name))).signatures).toHaveLength(3);
    });
  });
}

describe('a tag that moves', () => {
  test('is asked about anew; the image that was good stays what it was', async () => {
    const name = await push(image, `${old.host}/team/app:1`);
    await sign(name, alice);
    await images.pull(name);
    await images.load(next, name);
    await expect(admit(name)).rejects.toThrow('it has no signature');
    await images.push(name);
    await expect(images.pull(name)).rejects.toThrow(`refuses ${old.host}/team/app@${next.target.digest}`);
    await sign(name, alice, next);
    await images.pull(name);
    expect(await admit(name)).toEqual([]);
  });

  test('a signature copied to another image is none of it', async () => {
    const name = await push(image, `${old.host}/team/app:1`);
    await push(next, `${old.host}/team/app:2`);
    const stolen = signWithKey(alice, name, image.target.digest);
    await trust.attach(request(name), next.target, stolen);
    await expect(images.pull(`${old.host}/team/app:2`)).rejects.toThrow(
      `it is a signature of another image, ${image.target.digest}`,
    );
  });
});

describe('a container', () => {
  let name: string;
  beforeEach(async () => {
    name = await push(image, `${old.host}/team/app:1`);
    await sign(name, alice);
    await images.pull(name);
  });

  test('is made of what was verified, also by a new engine without the registry', async () => {
    old[Symbol.dispose]();
    database.close();
    await open();
    expect(await admit(name)).toEqual([]);
    expect(await admit(image.target.digest)).toEqual([]);
  });

  test('not by a policy that has changed since', async () => {
    old[Symbol.dispose]();
    policy('enforce', { keys: [] });
    await expect(admit(name)).rejects.toThrow('could not be looked for');
    policy('warn', { keys: [] });
    expect(await admit(name)).toEqual([expect.stringContaining('finds fault with')]);
    policy('off');
    expect(await admit(name)).toBeUndefined();
    writeFileSync(`${directory}/policy.json`, '{');
    await expect(admit(name)).rejects.toThrow('it is no JSON');
    rmSync(`${directory}/policy.json`);
    await expect(admit(name)).rejects.toThrow('is not there');
  });

  test('of a loaded image: refused under a name that is enforced, until it is signed there', async () => {
    const loaded = `${old.host}/team/loaded:1`;
    await images.load(next, loaded, 'free:1');
    await expect(admit(loaded)).rejects.toThrow('it has no signature');
    // By its other name nobody minds, and so not by its id.
    expect(await admit('free:1')).toBeUndefined();
    expect(await admit(next.target.digest)).toBeUndefined();
    await images.push(loaded);
    await sign(loaded, alice, next);
    expect(await admit(loaded)).toEqual([]);
  });

  test('of an image without a name: as the default says', async () => {
    await images.store.remove(name, { force: true, noPrune: false, platforms: [] });
    await images.load(next);
    const id = next.target.digest;
    expect(await admit(id)).toBeUndefined();
    writeFileSync(`${directory}/policy.json`, JSON.stringify({ default: 'enforce' }));
    await expect(admit(id)).rejects.toThrow('has no name to look for them by');
  });

  test('that asks for a signature gets one or nothing', async () => {
    policy('off');
    expect(await admit(name, true)).toEqual([]);
    await images.load(next, 'free:1');
    await expect(admit('free:1', true)).rejects.toThrow(
      'DOCKER_CONTENT_TRUST asks for a signature of docker.io/library/free@',
    );
  });
});

test('under warn, what is unsigned comes with a warning', async () => {
  policy('warn');
  const name = await push(image, `${old.host}/team/app:1`);
  expect((await images.pull(name)).find(line => line.startsWith('WARNING'))).toContain('it has no signature');
});

test('revoked: gone from the registry, and no longer good here', async () => {
  for (const hostOf of [host(), old.host]) {
    const name = await push(image, `${hostOf}/team/app:1`);
    await sign(name, alice);
    await notate(name);
    await images.pull(name);
    old.misbehave = async (asked, { path }) => {
      if (asked.method !== 'DELETE') return undefined;
      old.manifests.delete(path.replace(/^\/v2\/(.*)\/manifests\/(sha256:.*)$/, '$1@$2'));
      const tag = [...old.manifests].find(([key]) => key.endsWith('.sig'));
      if (tag) old.manifests.delete(tag[0]);
      return new Response(null, { status: 202 });
    };
    expect((await trust.revoke(request(name))).removed).toHaveLength(2);
    await expect(admit(name)).rejects.toThrow('it has no signature');
    await expect(images.pull(name)).rejects.toThrow('it has no signature');
  }
});

test('bundles are found in lists that cosign keeps; attestations are no signatures, and outlive a revocation', async () => {
  const name = await push(image, `${old.host}/team/app:1`);
  const fixture = new URL('../../signatures/testdata/evidence.json', import.meta.url);
  const { evidence } = (await Bun.file(fixture).json()) as { evidence: Record<string, { bundle: string }> };
  const subject = image.target;
  const referrers = ['cosign: bundle', 'cosign: attestation'].map(kind => {
    const content = Buffer.from(evidence[kind]!.bundle);
    const blob = { digest: sha256(content), size: content.length };
    const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    const config = { ...blob, mediaType: MEDIA_TYPES.empty };
    const manifest = {
      schemaVersion: 2,
      mediaType: subject.mediaType,
      config,
      layers: [{ ...blob, mediaType }],
      subject,
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    old.blobs.set(`team/app@${blob.digest}`, content);
    old.manifests.set(`team/app@${sha256(bytes)}`, { bytes, mediaType: subject.mediaType });
    // Where a registry does not keep the list, cosign writes the config's type as the artifact's.
    return { mediaType: subject.mediaType, digest: sha256(bytes), size: bytes.length, artifactType: config.mediaType };
  });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: referrers }));
  old.manifests.set(`team/app:${subject.digest.replace(':', '-')}`, { bytes, mediaType });
  const reasons = (await trust.inspect(request(name))).signatures.map(each => (each.valid ? '' : each.reason));
  expect(reasons).toEqual([
    'it was made with none of the keys alice.pub',
    expect.stringContaining('it is an attestation'),
  ]);
  old.misbehave = (asked, { path }) => {
    if (asked.method !== 'DELETE') return undefined;
    old.manifests.delete(path.replace(/^\/v2\/(.*)\/manifests\/(sha256:.*)$/, '$1@$2'));
    return new Response(null, { status: 202 });
  };
  expect((await trust.revoke(request(name))).removed).toEqual([referrers[0]!.digest]);
  expect((await trust.inspect(request(name))).signatures).toHaveLength(1);
});

test('a registry that forbids deletion: the signature stays, and what to do is said', async () => {
  const name = await push(image, `${old.host}/team/app:1`);
  await sign(name, alice);
  old.misbehave = ({ method }) => (method === 'DELETE' ? failure(405, 'UNSUPPORTED', 'unsupported') : undefined);
  await expect(trust.revoke(request(name))).rejects.toThrow('does not allow deletions');
  expect((await images.pull(name)).at(-1)).toContain('Downloaded newer image');
});

describe('a registry that misbehaves', () => {
  let name: string;
  beforeEach(async () => {
    name = await push(image, `${old.host}/team/app:1`);
    await sign(name, alice);
  });

  test('and fails when asked for signatures: refused, and it says why', async () => {
    old.misbehave = (_, { path }) =>
      path.includes('/referrers/') ? failure(500, 'UNKNOWN', 'on fire', { 'Retry-After': '0' }) : undefined;
    await expect(images.pull(name)).rejects.toThrow('could not be looked for: unknown: on fire');
  });

  test('and sends rubbish instead of a signature', async () => {
    for (const junk of ['', '{', '[]', 'x'.repeat(5_000_000)]) {
      old.misbehave = (_, { path }) => (/sha256-.*\.sig$/.test(path) ? new Response(junk) : undefined);
      // The other way to it is still good: the list of referrers.
      await images.pull(name);
      old.misbehave = (_, { path }) => (/manifests\/sha256-/.test(path) ? new Response(junk) : undefined);
      await expect(images.pull(name)).rejects.toThrow();
    }
  });

  test('and lists referrers that refer to something else', async () => {
    const foreign = await push(next, `${old.host}/team/app:2`);
    await sign(foreign, alice, next);
    const tag = (of: TestImage) => `team/app:${of.target.digest.replace(':', '-')}`;
    old.manifests.set(tag(image), old.manifests.get(tag(next))!);
    old.manifests.delete(`${tag(image)}.sig`);
    await expect(images.pull(name)).rejects.toThrow('it has no signature');
  });

  test('and is not there when something is attached: nothing is half done', async () => {
    await expect(
      trust.attach(request(name), next.target, signWithKey(alice, name, next.target.digest)),
    ).rejects.toThrow('push it first');
  });
});
