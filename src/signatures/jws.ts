// JSON Web Signatures in their JSON form, as Notation has them.
import type { Envelope } from './envelope.ts';
import { field, parseObject } from './json.ts';
import { BadSignature } from './signature.ts';

export function openJws(bytes: Buffer): Envelope {
  const jws = parseObject(bytes, 'the envelope');
  const { payload, protected: header, signature } = jws;
  if (typeof payload !== 'string' || typeof header !== 'string' || typeof signature !== 'string') {
    throw new BadSignature('the envelope is not a JWS');
  }
  const x5c = field(jws['header'], 'x5c');
  if (!Array.isArray(x5c) || !x5c.every(each => typeof each === 'string')) {
    throw new BadSignature('the envelope has no chain of certificates');
  }
  return {
    header: parseObject(Buffer.from(header, 'base64url'), 'the protected header'),
    chain: x5c.map(each => Buffer.from(each, 'base64')),
    payload: Buffer.from(payload, 'base64url'),
    signed: Buffer.from(`${header}.${payload}`),
    signature: Buffer.from(signature, 'base64url'),
  };
}
