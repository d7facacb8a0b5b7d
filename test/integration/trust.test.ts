// Content trust from one end to the other: our client signs, a registry keeps, an engine under a policy believes or does not.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { KeyObject } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { testChain } from '../../src/signatures/testing/chain.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { type OfficialRegistry, startOfficialRegistry } from '../support/official-registry.ts';
import type { Ran } from '../support/process.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const PASSPHRASE = 'DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE';

let engine: TestEngine;
let ours: TestRegistry;
let theirs: OfficialRegistry;

beforeAll(async () => {
  [engine, ours, theirs] = await Promise.all([
    startEngine({
      flags: ({ base }) => [`--trust-policy=${base}/policy.json`],
      prepare: ({ base }) => policyAt(base, []),
    }),
    startRegistry(),
    startOfficialRegistry(),
  ]);
  await docker('trust', 'key', 'generate', 'alice', '--dir', engine.roots.base);
  policyAt(engine.roots.base, [{ repositories: ['127.0.0.1:*'], mode: 'enforce', keys: ['alice.pub'] }]);
});

afterAll(async () => {
  await theirs[Symbol.asyncDispose]();
  await ours[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
});

function policyAt(base: string, rules: object[]): void {
  writeFileSync(`${base}/policy.json`, JSON.stringify({ rules }));
}

const tried = (args: string[], environment: Record<string, string> = {}): Promise<Ran> =>
  engine.run(args, { environment: { [PASSPHRASE]: 'secret', ...environment } });

async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await tried(args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
  return stdout;
}

const run = (image: string, command = ['echo', 'hello']) => tried(['run', '--rm', '--network=none', image, ...command]);

test('the private key is the user’s alone, and does not lie in the open', () => {
  const path = `${engine.clientEnvironment()['DOCKER_CONFIG']}/trust/signing/alice.key`;
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, 'utf8')).toContain('ENCRYPTED SIGSTORE PRIVATE KEY');
});

for (const [whose, hostOf] of Object.entries({ ours: () => ours.host, 'Debian’s': () => theirs.host })) {
  test(`with a registry of ${whose}: unsigned is refused, signed runs, revoked is refused again`, async () => {
    const image = `${hostOf()}/team/box:1`;
    await docker('tag', 'busybox', image);
    const local = await run(image);
    expect(local.code).toBe(125);
    expect(local.stderr).toContain(`refuses ${hostOf()}/team/box@sha256:`);
    await docker('push', image);
    await docker('rmi', image);
    // Docker's own client meets the same.
    const refused = await engine.official('pull', image);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('it has no signature')]);
    const unsigned = await tried(['trust', 'inspect', image]);
    expect([unsigned.code, unsigned.stderr.trim()]).toEqual([1, `no signatures for ${image}`]);

    expect(await docker('trust', 'sign', image)).toContain('Successfully signed');
    const [report] = JSON.parse(await docker('trust', 'inspect', image)) as [{ SignedTags: object[] }];
    expect(report.SignedTags).toEqual([expect.objectContaining({ SignedTag: '1', Signers: ['alice.pub'] })]);
    expect((await engine.official('pull', image)).code).toBe(0);
    expect((await run(image)).stdout).toBe('hello\n');

    expect(await docker('trust', 'revoke', '-y', image)).toContain('Successfully deleted signature');
    expect((await run(image)).stderr).toContain('it has no signature');
    expect((await tried(['trust', 'revoke', '-y', image])).stderr).toContain('there are no signatures');
    await docker('rmi', image);
  });
}

test('a key with a certificate signs as Notation does, for policies that name its root', async () => {
  const { base } = engine.roots;
  const chain = testChain();
  const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(`${base}/acme.key`, pem(chain.leafKey), { mode: 0o600 });
  writeFileSync(`${base}/strange.key`, pem(chain.serverKey), { mode: 0o600 });
  writeFileSync(`${base}/acme.crt`, `${chain.leaf}${chain.root}`);
  writeFileSync(`${base}/root.crt`, chain.root.toString());
  const load = ['trust', 'key', 'load', '--certificate', `${base}/acme.crt`];
  const strange = await tried([...load, '--name=strange', `${base}/strange.key`]);
  expect([strange.code, strange.stderr]).toEqual([1, expect.stringContaining('is not that of the key')]);
  await docker(...load, '--name=acme', `${base}/acme.key`);

  const image = `${theirs.host}/notation/box:1`;
  const rule = { repositories: [`${theirs.host}/notation/*`], mode: 'enforce', certificates: ['root.crt'] };
  const others = { repositories: ['127.0.0.1:*'], mode: 'enforce', keys: ['alice.pub'] };
  policyAt(base, [{ ...rule, identities: ['x509.subject: O=Acme, CN=leaf'] }, others]);
  await docker('tag', 'busybox', image);
  expect(await docker('push', '--sign-key=acme', image)).toContain('1: signed sha256:');
  await docker('rmi', image);
  expect((await run(image)).stdout).toBe('hello\n');
  policyAt(base, [{ ...rule, identities: ['x509.subject: CN=somebody else'] }, others]);
  expect((await run(image)).stderr).toContain("none of the policy's identities");
  policyAt(base, [others]);
  const several = await tried(['trust', 'sign', image]);
  expect([several.code, several.stderr.trim()]).toEqual([
    1,
    'there are several keys (acme, alice): choose one with --key',
  ]);
  await docker('trust', 'revoke', '-y', image);
  rmSync(`${engine.clientEnvironment()['DOCKER_CONFIG']}/trust/signing/acme.key`);
});

test('what is unsigned is not mounted either', async () => {
  const image = `${theirs.host}/team/files:1`;
  await docker('tag', 'hello-world', image);
  const mount = `--mount=type=image,source=${image},target=/files`;
  const refused = await tried(['run', '--rm', '--network=none', mount, 'busybox', 'true']);
  expect([refused.code, refused.stderr]).toEqual([125, expect.stringContaining('it has no signature')]);
  await docker('push', '--sign', image);
  expect((await tried(['run', '--rm', '--network=none', mount, 'busybox', 'true'])).code).toBe(0);
  await docker('trust', 'revoke', '-y', image);
});

test('signed while it is pushed, run by a daemon that was killed and finds no registry', async () => {
  const image = `${ours.host}/team/offline:1`;
  await docker('tag', 'busybox', image);
  expect(await docker('push', '--sign', image)).toContain('1: signed sha256:');
  expect((await run(image)).code).toBe(0);
  await engine.kill();
  await ours[Symbol.asyncDispose]();
  await engine.start();
  expect((await run(image)).stdout).toBe('hello\n');
  await docker('tag', 'hello-world', `${ours.host}/team/other:1`);
  const other = await tried(['run', '--rm', '--network=none', `${ours.host}/team/other:1`]);
  expect([other.code, other.stderr]).toEqual([125, expect.stringContaining('could not be looked for')]);
  ours = await startRegistry();
});

describe('a policy', () => {
  test('counts as soon as it is written; one that can’t be read stops what it is about', async () => {
    const image = `${theirs.host}/team/changing:1`;
    await docker('tag', 'hello-world', image);
    expect((await run(image, [])).code).toBe(125);
    policyAt(engine.roots.base, [{ repositories: ['127.0.0.1:*'], mode: 'warn', keys: ['alice.pub'] }]);
    const warned = await run(image, []);
    expect([warned.code, warned.stdout, warned.stderr]).toEqual([
      0,
      expect.stringContaining('Hello from'),
      expect.stringContaining('WARNING: the trust policy'),
    ]);
    const mount = `--mount=type=image,source=${image},target=/files`;
    const mounted = await tried(['run', '--rm', '--network=none', mount, 'busybox', 'true']);
    expect([mounted.code, mounted.stderr]).toEqual([0, expect.stringContaining('WARNING: the trust policy')]);
    writeFileSync(`${engine.roots.base}/policy.json`, '{');
    expect((await run(image)).stderr).toContain('is wrong: it is no JSON');
    policyAt(engine.roots.base, [{ repositories: ['127.0.0.1:*'], mode: 'enforce', keys: ['alice.pub'] }]);
    expect((await run('busybox')).code).toBe(0);
  });

  test('that is wrong or missing keeps a daemon from starting, and it says why', async () => {
    const starting = (content: string | undefined) =>
      startEngine({
        flags: ({ base }) => [`--trust-policy=${base}/policy.json`],
        prepare: ({ base }) => (content === undefined ? undefined : writeFileSync(`${base}/policy.json`, content)),
      });
    await expect(starting('{"rulez":[]}')).rejects.toThrow('has a field "rulez", which is not known');
    await expect(starting(undefined)).rejects.toThrow('policy.json is not there');
  });
});

describe('DOCKER_CONTENT_TRUST', () => {
  const trusting = { DOCKER_CONTENT_TRUST: '1' };

  test('lets nothing run or come that no rule has keys for', async () => {
    const refused = await tried(['run', '--rm', 'busybox', 'true'], trusting);
    expect([refused.code, refused.stderr]).toEqual([
      125,
      expect.stringContaining('DOCKER_CONTENT_TRUST asks for a signature of docker.io/library/busybox@'),
    ]);
    const args = ['run', '--rm', '--network=none', '--disable-content-trust', 'busybox', 'echo', 'hello'];
    expect((await tried(args, trusting)).stdout).toBe('hello\n');
    const asked = ['run', '--rm', '--disable-content-trust=false', 'busybox', 'true'];
    expect((await tried(asked)).code).toBe(125);
  });

  test('signs what is pushed', async () => {
    const image = `${ours.host}/team/trusted:1`;
    await docker('tag', 'busybox', image);
    expect((await tried(['push', image], trusting)).stdout).toContain('1: signed sha256:');
    expect((await tried(['pull', image], trusting)).code).toBe(0);
  });
});

describe('mistakes', () => {
  test('are told before anything is pushed', async () => {
    const image = `${ours.host}/team/mistake:1`;
    await docker('tag', 'busybox', image);
    const wrong = await tried(['push', '--sign', image], { [PASSPHRASE]: 'wrong' });
    expect([wrong.code, wrong.stdout, wrong.stderr]).toEqual([1, '', expect.stringContaining('the passphrase of')]);
    const nobody = await tried(['push', '--sign-key', 'nobody', image]);
    expect([nobody.code, nobody.stdout, nobody.stderr]).toEqual([
      1,
      '',
      expect.stringContaining('there is no key named nobody'),
    ]);
    const asked = await engine.run(['trust', 'sign', image], { environment: { [PASSPHRASE]: undefined } });
    expect([asked.code, asked.stderr]).toEqual([1, expect.stringContaining(`set ${PASSPHRASE}`)]);
    expect((await tried(['trust', 'sign', `${ours.host}/team/mistake`])).stderr).toContain(
      'no tag or digest specified',
    );
    expect((await tried(['trust', 'sign', `${ours.host}/team/none:1`])).stderr).toContain('tag does not exist');
  });

  test('a key that others may read is not loaded', async () => {
    const path = `${engine.roots.base}/open.pem`;
    writeFileSync(path, 'x', { mode: 0o644 });
    expect((await tried(['trust', 'key', 'load', path])).stderr).toContain('chmod 600 it');
    expect((await tried(['trust', 'key', 'generate', 'alice', '--dir', '/tmp'])).stderr).toContain('already');
    expect((await tried(['trust', 'key', 'generate', '../x'])).stderr).toContain('must start with');
  });

  test('signers of a Notary server are not served, and it says where they are named instead', async () => {
    for (const verb of ['add', 'remove']) {
      const { code, stderr } = await tried(['trust', 'signer', verb, 'bob', 'registry.example/app']);
      expect([code, stderr]).toEqual([1, expect.stringContaining('trust policy')]);
    }
  });

  test('of programs that speak the API get a status and a reason', async () => {
    const path = `/dockyard/trust/${ours.host}/team/box/signatures`;
    const attempts: [body: string, message: string][] = [
      ['{', 'invalid JSON'],
      ['{}', 'subject is no descriptor'],
      [`{"subject":{"mediaType":"a","digest":"sha256:${'0'.repeat(64)}","size":1}}`, 'field evidence must be'],
    ];
    for (const [body, message] of attempts) {
      const answer = await engine.api.call('POST', path, body);
      expect([answer.status, answer.text]).toEqual([400, expect.stringContaining(message)]);
    }
    expect((await engine.api.get(`/dockyard/trust/${ours.host}/no/such/signatures`)).status).toBe(404);
  });
});
