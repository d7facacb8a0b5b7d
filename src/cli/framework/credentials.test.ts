import { afterAll, beforeAll, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { allCredentials, credentialsFor, registryAuth } from './credentials.ts';

const ADDRESS = 'reg.example:5000';
let directory: string;
const path = process.env['PATH'];

beforeAll(() => {
  directory = mkdtempSync(`${tmpdir()}/credentials-test-`);
  const answers: Record<string, string> = {
    user: `echo '{"ServerURL":"x","Username":"ana","Secret":"secret"}'`,
    token: `echo '{"ServerURL":"x","Username":"<token>","Secret":"refresh"}'`,
    empty: `echo 'credentials not found in native keychain'; exit 1`,
    sealed: `echo 'the vault is sealed'; exit 3`,
    lists: `case $1 in list) echo '{"one.example":"ana","two.example":"ana"}';; get) echo '{"Username":"'$(cat)'","Secret":"s"}';; esac`,
  };
  for (const [name, answer] of Object.entries(answers)) {
    writeFileSync(`${directory}/docker-credential-${name}`, `#!/bin/sh\n${answer}\n`);
    chmodSync(`${directory}/docker-credential-${name}`, 0o755);
  }
  process.env['PATH'] = `${directory}:${path}`;
});
afterAll(() => {
  process.env['PATH'] = path;
  rmSync(directory, { recursive: true });
});

const inFile = { auths: { [ADDRESS]: { auth: btoa('file:pass:word') } } };

test('the helper of a registry comes before the one for all, and that before the file', async () => {
  const helpers = { credsStore: 'token', credHelpers: { [ADDRESS]: 'user' } };
  expect(await credentialsFor({ ...inFile, ...helpers }, ADDRESS)).toMatchObject({
    username: 'ana',
    password: 'secret',
  });
  expect(await credentialsFor({ ...inFile, ...helpers }, 'other.example')).toEqual({
    identitytoken: 'refresh',
    serveraddress: 'other.example',
  });
  expect(await credentialsFor(inFile, ADDRESS)).toMatchObject({ username: 'file', password: 'pass:word' });
});

test('a helper that has nothing leaves it to the file', async () => {
  expect(await credentialsFor({ ...inFile, credsStore: 'empty' }, ADDRESS)).toMatchObject({ username: 'file' });
  expect(await credentialsFor({ credsStore: 'empty' }, ADDRESS)).toEqual({});
});

test('a helper that fails, or is not there, is told of, and the registry is asked without', async () => {
  for (const [credsStore, why] of [
    ['sealed', 'exit status 3, out: `the vault is sealed`'],
    ['nosuch', 'exec: "docker-credential-nosuch": executable file not found in $PATH'],
  ] as const) {
    const lines: string[] = [];
    const err = { line: (text: string) => lines.push(text) };
    const header = await registryAuth({ config: async () => ({ credsStore }), err } as never, ADDRESS);
    expect(JSON.parse(Buffer.from(header, 'base64').toString())).toEqual({});
    expect(lines).toEqual([expect.stringContaining(`no credentials for ${ADDRESS}: error getting credentials`)]);
    expect(lines[0]).toContain(why);
  }
});

test('each registry has its own, Docker Hub under its old name', async () => {
  const config = {
    auths: {
      'https://index.docker.io/v1/': { auth: btoa('hub:1') },
      'https://reg.example:5000/v2/': { auth: btoa('old:2') },
      'reg.example': { auth: btoa('plain:3'), identitytoken: 'refresh' },
    },
  };
  expect(await credentialsFor(config, 'docker.io')).toMatchObject({ username: 'hub', password: '1' });
  expect(await credentialsFor(config, ADDRESS)).toMatchObject({ username: 'old', password: '2' });
  const token = { username: 'plain', password: '', identitytoken: 'refresh' };
  expect(await credentialsFor(config, 'reg.example')).toMatchObject(token);
  expect(await credentialsFor(config, 'example')).toEqual({});
});

test('all of them, where a container acts for the user', async () => {
  const config = { ...inFile, credsStore: 'lists', credHelpers: { 'three.example': 'user' } };
  const found = await allCredentials(config);
  expect(Object.entries(found).map(([server, { username }]) => `${server} ${username}`)).toEqual([
    `${ADDRESS} file`,
    'one.example one.example',
    'two.example two.example',
    'three.example ana',
  ]);
});
