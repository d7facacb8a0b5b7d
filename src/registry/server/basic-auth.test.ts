import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BasicAuth, parseHtpasswd } from './basic-auth.ts';

const hash = (password: string) => Bun.password.hash(password, { algorithm: 'bcrypt', cost: 4 });
const basic = (text: string) => ({ headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` } });
const request = (text: string) => new Request('http://r/v2/', basic(text));

test('who knows a password gets in, until the file says otherwise', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'dockyard-auth-'));
  try {
    const path = join(directory, 'users');
    writeFileSync(path, `# users\nana:${(await hash('one:two')).replace('$2b$', '$2y$')}\n`);
    const auth = new BasicAuth(path);
    await auth.check(request('ana:one:two'));
    // Remembered, and still right.
    await auth.check(request('ana:one:two'));
    for (const wrong of ['ana:other', 'bob:one:two', ':', 'ana']) {
      await expect(auth.check(request(wrong))).rejects.toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
    }
    await expect(auth.check(new Request('http://r/v2/'))).rejects.toMatchObject({ status: 401 });
    writeFileSync(path, `bob:${await hash('changed')}\n`);
    await auth.check(request('bob:changed'));
    await expect(auth.check(request('ana:one:two'))).rejects.toMatchObject({ status: 401 });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('only bcrypt is understood, and the line is named', () => {
  expect(() => parseHtpasswd('a:$apr1$x$y\n', 'f')).toThrow('f, line 1');
});
