// COSE_Sign1, the binary kind of envelope (RFC 9052), as Notation has it.
import type { Envelope } from './envelope.ts';
import { BadSignature } from './signature.ts';

const SIGN1 = 18;
const EPOCH = 1;
const X5CHAIN = 33;
/** Labels of headers, and what JWS calls them. */
const NAMES = new Map<unknown, string>([
  [1, 'alg'],
  [2, 'crit'],
  [3, 'cty'],
]);
const ALGORITHMS = new Map<unknown, string>([
  [-7, 'ES256'],
  [-35, 'ES384'],
  [-36, 'ES512'],
  [-37, 'PS256'],
  [-38, 'PS384'],
  [-39, 'PS512'],
]);

export async function openCose(bytes: Buffer): Promise<Envelope> {
  const { decode, encode, Tagged } = await import('cborg');
  const read = (from: Uint8Array, tag: number): unknown => {
    try {
      return decode(from, { useMaps: true, rejectDuplicateMapKeys: true, tags: { [tag]: Tagged.decoder(tag) } });
    } catch {
      throw new BadSignature('the envelope is malformed');
    }
  };
  const message = read(bytes, SIGN1);
  const parts: unknown = message instanceof Tagged ? message.value : undefined;
  const [header, unprotected, payload, signature] = Array.isArray(parts) && parts.length === 4 ? parts : [];
  if (!isBytes(header) || !isBytes(payload) || !isBytes(signature) || !(unprotected instanceof Map)) {
    throw new BadSignature('the envelope is not a COSE message of one signature');
  }
  const named = read(header, EPOCH);
  if (!(named instanceof Map)) throw new BadSignature('the protected header is malformed');
  const chain: unknown = unprotected.get(X5CHAIN);
  const certificates: unknown[] = Array.isArray(chain) ? chain : [chain];
  if (!certificates.every(isBytes)) throw new BadSignature('the envelope has no chain of certificates');
  const plain = (value: unknown) => (value instanceof Tagged ? timeOf(value.value) : value);
  return {
    header: {
      ...Object.fromEntries([...named].map(([label, value]) => [NAMES.get(label) ?? String(label), plain(value)])),
      alg: ALGORITHMS.get(named.get(1)),
    },
    chain: certificates.map(each => Buffer.from(each)),
    payload: Buffer.from(payload),
    signed: Buffer.from(encode(['Signature1', header, new Uint8Array(), payload])),
    signature: Buffer.from(signature),
  };
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** Seconds since 1970, as JWS writes a time. What is none stays no time. */
function timeOf(seconds: unknown): string {
  const time = new Date(
    typeof seconds === 'number' || typeof seconds === 'bigint' ? Number(seconds) * 1000 : Number.NaN,
  );
  return Number.isNaN(time.getTime()) ? 'no time' : time.toISOString();
}
