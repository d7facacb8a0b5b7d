import { expect, test } from 'bun:test';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { FakeEngine, Status } from '../testing/fake-engine.ts';

const accepted = { 'POST /auth': { Status: 'Login Succeeded' } };

async function configOf(engine: FakeEngine): Promise<unknown> {
  return Bun.file(`${engine.directory}/config/config.json`).json();
}

function writeConfig(engine: FakeEngine, config: object): void {
  mkdirSync(`${engine.directory}/config`, { recursive: true });
  writeFileSync(`${engine.directory}/config/config.json`, JSON.stringify(config));
}

test('login checks credentials and stores them under the host', async () => {
  using engine = new FakeEngine(accepted);
  writeConfig(engine, { psFormat: 'kept' });
  const ran = await engine.docker('login', '-u', 'user', '-p', 'secret', 'https://reg.example:5000/v2/');
  expect(ran.out).toBe('Login Succeeded\n');
  expect(ran.err).toContain('stored unencrypted');
  expect(JSON.parse(engine.asked[0]!.body)).toEqual({
    username: 'user',
    password: 'secret',
    serveraddress: 'reg.example:5000',
  });
  expect(await configOf(engine)).toEqual({
    auths: { 'reg.example:5000': { auth: btoa('user:secret') } },
    psFormat: 'kept',
  });
});

test('wrong credentials are not stored', async () => {
  using engine = new FakeEngine({ 'POST /auth': new Status(401, 'unauthorized') });
  const ran = await engine.docker('login', '-u', 'user', '-p', 'wrong', 'reg.example');
  expect(ran.code).toBe(1);
  expect(await Bun.file(`${engine.directory}/config/config.json`).exists()).toBe(false);
});

test('a token is stored instead of the password, without a warning', async () => {
  using engine = new FakeEngine({ 'POST /auth': { Status: 'Login Succeeded', IdentityToken: 'tok' } });
  const ran = await engine.docker('login', '-u', 'user', '-p', 'secret', 'reg.example');
  expect(ran.err).not.toContain('unencrypted');
  expect(await configOf(engine)).toMatchObject({ auths: { 'reg.example': { identitytoken: 'tok' } } });
});

test('a helper program keeps credentials, and the file only the name', async () => {
  using engine = new FakeEngine(accepted);
  const kept = `${engine.directory}/kept`;
  const helper = `${engine.directory}/docker-credential-fake`;
  writeFileSync(helper, `#!/bin/sh\ncase $1 in store) cat >${kept};; get) cat ${kept};; erase) rm ${kept};; esac\n`);
  chmodSync(helper, 0o755);
  const path = process.env['PATH'];
  process.env['PATH'] = `${engine.directory}:${path}`;
  try {
    writeConfig(engine, { credHelpers: { 'reg.example': 'fake' } });
    await engine.docker('login', '-u', 'user', '-p', 'secret', 'reg.example');
    expect(await Bun.file(kept).json()).toEqual({ ServerURL: 'reg.example', Username: 'user', Secret: 'secret' });
    expect(await configOf(engine)).toMatchObject({ auths: { 'reg.example': {} } });
    expect((await engine.docker('login', 'reg.example')).err).toContain('existing credentials... [Username: user]');
    expect((await engine.docker('logout', 'reg.example')).out).toBe('Removing login credentials for reg.example\n');
    expect(await Bun.file(kept).exists()).toBe(false);
    expect(await configOf(engine)).toMatchObject({ auths: {} });
  } finally {
    process.env['PATH'] = path;
  }
});

test('logout forgets every form of the name', async () => {
  using engine = new FakeEngine({});
  writeConfig(engine, { auths: { 'https://reg.example': {}, 'reg.example': {}, other: {} } });
  await engine.docker('logout', 'reg.example');
  expect(await configOf(engine)).toEqual({ auths: { other: {} } });
});

test('flags that exclude each other', async () => {
  using engine = new FakeEngine(accepted);
  const failing: [string[], string][] = [
    [['--password-stdin'], 'the --password-stdin option requires --username to be set'],
    [
      ['-u', 'u', '-p', 'p', '--password-stdin'],
      'conflicting options: cannot specify both --password and --password-stdin',
    ],
    [['-u', ''], 'username is empty'],
    [['-p', ''], 'password is empty'],
  ];
  for (const [flags, message] of failing) expect((await engine.docker('login', ...flags)).err).toBe(`${message}\n`);
});
