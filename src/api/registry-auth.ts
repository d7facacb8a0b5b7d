// X-Registry-Auth: the client's credentials for a registry, as JSON in base64.
import { type Credentials, NO_CREDENTIALS } from '../engine/images/images.ts';
import { invalid } from '../lib/errors.ts';
import { type ByteSource, collectBounded } from '../lib/streams.ts';

export const AUTH_HEADER = 'x-registry-auth';

/** What can't be read counts as none, as Docker has it. */
export function credentialsOf(header: string | undefined): Credentials {
  if (header === undefined || header === '') return NO_CREDENTIALS;
  try {
    return credentialsFrom(JSON.parse(Buffer.from(header, 'base64url').toString('utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) return NO_CREDENTIALS;
    throw error;
  }
}

function credentialsFrom(value: unknown): Credentials {
  if (typeof value !== 'object' || value === null) return NO_CREDENTIALS;
  const fields = new Map(Object.entries(value).map(([name, field]) => [name.toLowerCase(), field]));
  const text = (name: string) => {
    const field: unknown = fields.get(name);
    return typeof field === 'string' ? field : '';
  };
  // User and password in one, as the configuration file has them.
  const [, user = '', secret = ''] =
    /^([^:]*):([\s\S]*)$/.exec(Buffer.from(text('auth'), 'base64').toString('utf8')) ?? [];
  return {
    username: text('username') || user,
    password: text('password') || secret,
    identityToken: text('identitytoken'),
    registryToken: text('registrytoken'),
  };
}

const MAX_BODY = 1024 * 1024;

/** The same as a request's body; for whom it is stands beside it. */
export async function loginFrom(body: ByteSource): Promise<{ address: string; credentials: Credentials }> {
  const bytes = await collectBounded(body, MAX_BODY);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw invalid('invalid JSON in the request body', error);
  }
  const address = (value as { serveraddress?: unknown } | null)?.serveraddress;
  return { address: typeof address === 'string' ? address : '', credentials: credentialsFrom(value) };
}
