// Users from an htpasswd file, as `htpasswd -B` writes it.
import { readFile, stat } from 'node:fs/promises';
import { invalid } from '../../lib/errors.ts';
import { RegistryError } from './errors.ts';

const REALM = 'Dockyard registry';
const bcryptPattern = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;
/** Of a password nobody knows: unknown users take as long as known ones. */
const DUMMY = '$2b$10$g19B09fRhGBeSB3G7D8sWuxsHBH55US1ds3Zb3rBlEB7doMzs52gm';
const MAX_REMEMBERED = 1000;

export class BasicAuth {
  #users = new Map<string, string>();
  #stamp = '';
  /** bcrypt takes its time on purpose, and a push is many requests. Holds digests of what was right. */
  readonly #right = new Set<string>();

  constructor(private readonly path: string) {}

  /** Read again whenever it has changed. */
  async load(): Promise<void> {
    const { mtimeMs, size, ino } = await stat(this.path);
    const stamp = `${mtimeMs} ${size} ${ino}`;
    if (stamp === this.#stamp) return;
    this.#users = parseHtpasswd(await readFile(this.path, 'utf8'), this.path);
    this.#right.clear();
    this.#stamp = stamp;
  }

  async check(request: Request): Promise<void> {
    await this.load();
    const given = credentialsOf(request.headers.get('authorization'));
    if (!given) throw this.#refusal('authentication required');
    const hash = this.#users.get(given.user);
    const proof = new Bun.CryptoHasher('sha256').update(`${hash}\0${given.user}\0${given.password}`).digest('base64');
    if (hash !== undefined && this.#right.has(proof)) return;
    const right = await Bun.password.verify(given.password, hash ?? DUMMY, 'bcrypt');
    if (!right || hash === undefined) throw this.#refusal('wrong user or password');
    if (this.#right.size >= MAX_REMEMBERED) this.#right.clear();
    this.#right.add(proof);
  }

  #refusal(message: string): RegistryError {
    return new RegistryError('UNAUTHORIZED', message, {
      headers: { 'WWW-Authenticate': `Basic realm="${REALM}", charset="UTF-8"` },
    });
  }
}

export function parseHtpasswd(text: string, path: string): Map<string, string> {
  const users = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const colon = entry.indexOf(':');
    const hash = entry.slice(colon + 1);
    if (colon < 1 || !bcryptPattern.test(hash)) {
      throw invalid(`${path}, line ${index + 1}: not "user:hash" with a bcrypt hash (htpasswd -B makes them)`);
    }
    // The same algorithm under the name its C implementation gave it.
    users.set(entry.slice(0, colon), hash.replace(/^\$2[ay]\$/, '$2b$'));
  }
  return users;
}

function credentialsOf(header: string | null): { user: string; password: string } | undefined {
  const encoded = /^basic\s+([A-Za-z0-9+/=_-]+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
