// The helper as clients use it: a process, its stdin and its stdout.
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeUserKey } from '../../kernel/keyring.ts';

const main = new URL('../../main.ts', import.meta.url).pathname;
const hub = 'https://index.docker.io/v1/';
let directory: string;
const path = () => join(directory, 'dockyard-credentials.json');
const keyName = () => `dockyard:credentials:${path()}`;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dockyard-helper-'));
});
afterEach(() => {
  removeUserKey(keyName());
  rmSync(directory, { recursive: true });
});

async function helper(verb: string, input: unknown = '', passphrase = '') {
  const child = Bun.spawn([process.execPath, main, '--dockyard-program', 'docker-credential-dockyard', verb], {
    stdin: Buffer.from(typeof input === 'string' ? input : JSON.stringify(input)),
    stdout: 'pipe',
    stderr: 'inherit',
    env: { ...process.env, DOCKER_CONFIG: directory, DOCKYARD_CREDENTIALS_PASSPHRASE: passphrase },
  });
  const out = await child.stdout.text();
  return { code: await child.exited, out: out.trim() };
}

const login = (ServerURL: string, Username = 'ana', Secret = 'hidden words') => ({ ServerURL, Username, Secret });

// Where there is no keyring, a passphrase is what people have to use; the tests of it are the same.
test.each(['', 'a phrase'])('keeps what it is given, encrypted (passphrase %p)', async passphrase => {
  const call = (verb: string, input?: unknown) => helper(verb, input, passphrase);
  expect(await call('store', login(hub))).toEqual({ code: 0, out: '' });
  expect(await call('store', login('r.example:5000', 'bob', 'ö"\\'))).toEqual({ code: 0, out: '' });
  expect(readFileSync(path(), 'utf8')).not.toContain('hidden');
  expect(readFileSync(path(), 'utf8')).not.toContain('r.example');
  expect(statSync(path()).mode & 0o777).toBe(0o600);
  expect(JSON.parse((await call('get', `${hub}\n`)).out)).toEqual(login(hub));
  expect(JSON.parse((await call('get', 'r.example:5000')).out)).toEqual(login('r.example:5000', 'bob', 'ö"\\'));
  expect(JSON.parse((await call('list')).out)).toEqual({ [hub]: 'ana', 'r.example:5000': 'bob' });
  expect(await call('erase', hub)).toEqual({ code: 0, out: '' });
  expect(await call('get', hub)).toEqual({ code: 1, out: 'credentials not found in native keychain' });
  expect(await call('erase', hub)).toMatchObject({ code: 1 });
});

test('a wrong passphrase and a changed file are noticed', async () => {
  await helper('store', login(hub), 'right');
  expect(await helper('get', hub, 'wrong')).toMatchObject({
    code: 1,
    out: expect.stringContaining('passphrase is wrong'),
  });
  const box = JSON.parse(readFileSync(path(), 'utf8'));
  writeFileSync(path(), JSON.stringify({ ...box, content: Buffer.from('something else').toString('base64') }));
  expect(await helper('get', hub, 'right')).toMatchObject({ code: 1, out: expect.stringContaining('was changed') });
  writeFileSync(path(), '{');
  expect(await helper('store', login(hub), 'right')).toMatchObject({ code: 1 });
  expect(readFileSync(path(), 'utf8')).toBe('{');
});

test('without its key a file counts as empty, and begins anew', async () => {
  await helper('store', login(hub));
  removeUserKey(keyName());
  expect(await helper('get', hub)).toMatchObject({ code: 1, out: 'credentials not found in native keychain' });
  expect(JSON.parse((await helper('list')).out)).toEqual({});
  await helper('store', login('other.example'));
  expect(JSON.parse((await helper('list')).out)).toEqual({ 'other.example': 'ana' });
});

test('several at once lose nothing', async () => {
  const names = ['a', 'b', 'c', 'd'];
  await Promise.all(names.map(name => helper('store', login(name))));
  expect(Object.keys(JSON.parse((await helper('list')).out)).sort()).toEqual(names);
});

test.each([
  ['store', '{'],
  ['store', 'null'],
  ['store', { ServerURL: '', Username: 'a', Secret: 'b' }],
  ['store', { ServerURL: 'a' }],
  ['get', '\n'],
  ['nonsense', ''],
])('%s %p is refused', async (verb, input) => {
  expect((await helper(verb, input)).code).toBe(1);
});
