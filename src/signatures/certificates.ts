// Chains of certificates for signing code, checked as the Notary Project's specification asks.
import { X509Certificate } from 'node:crypto';
import { invalid } from '../lib/errors.ts';
import { isSupported, pemBlocks } from './keys.ts';
import { BadSignature, type Identity, type TrustedSigners } from './signature.ts';

const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
/** Any use, servers, mail, timestamps, answers about revocation: the specification wants none of them beside code. */
const FOREIGN_USES = ['2.5.29.37.0', ...[1, 4, 8, 9].map(last => `1.3.6.1.5.5.7.3.${last}`)];
/** 2.5.29.31, cRLDistributionPoints, in DER. */
const CRL_POINTS = Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x1f]);
const MAX_CHAIN = 10;

export function readCertificates(content: Buffer, name: string): X509Certificate[] {
  const blocks = pemBlocks(content.toString('latin1')).filter(({ label }) => label === 'CERTIFICATE');
  try {
    return blocks.length > 0 ? blocks.map(({ pem }) => new X509Certificate(pem)) : [new X509Certificate(content)];
  } catch (error) {
    throw invalid(`${name} holds no certificate (PEM, "BEGIN CERTIFICATE", or DER)`, error);
  }
}

export function parseChain(certificates: readonly Buffer[]): X509Certificate[] {
  if (certificates.length === 0 || certificates.length > MAX_CHAIN)
    throw new BadSignature('it has no chain of certificates');
  try {
    const chain = certificates.map(der => new X509Certificate(der));
    // Read only when it is asked for, and then it may turn out to be nothing.
    for (const { publicKey } of chain) void publicKey;
    return chain;
  } catch {
    throw new BadSignature('a certificate of its chain is malformed');
  }
}

/** Throws BadSignature unless the first certificate may sign code and the last ones lead to somebody who is trusted. Returns warnings. */
export function checkChain(chain: readonly X509Certificate[], trusted: TrustedSigners, now: Date): string[] {
  const leaf = chain[0]!;
  checkLinks(chain);
  if (!trusted.certificates.some(each => chain.some(link => link.raw.equals(each.raw)))) {
    throw new BadSignature(
      trusted.certificates.length === 0
        ? 'the policy names no certificates'
        : `it was made by ${oneLine(leaf.subject)}, whom none of the policy's certificates vouches for`,
    );
  }
  if (trusted.identities.length > 0 && !trusted.identities.some(identity => matches(leaf, identity))) {
    throw new BadSignature(`it was made by ${oneLine(leaf.subject)}, which is none of the policy's identities`);
  }
  return [...ageOf(chain, trusted.level, now), ...revocationOf(chain, trusted.level)];
}

function checkLinks(chain: readonly X509Certificate[]): void {
  const [leaf, ...authorities] = chain;
  // Node's name for the extended key usage.
  const uses = leaf!.keyUsage;
  if (uses !== undefined && (!uses.includes(CODE_SIGNING) || uses.some(each => FOREIGN_USES.includes(each)))) {
    throw new BadSignature('its certificate is not for signing code, or not for that alone');
  }
  if (leaf!.ca) throw new BadSignature('its certificate is one of an authority, which must not sign code itself');
  if (!chain.every(({ publicKey }) => isSupported(publicKey))) throw new BadSignature('a key of its chain is too weak');
  for (const [at, authority] of authorities.entries()) {
    const below = chain[at]!;
    if (!authority.ca || !below.checkIssued(authority) || !below.verify(authority.publicKey)) {
      throw new BadSignature('its chain of certificates does not hold together');
    }
  }
  const root = chain.at(-1)!;
  if (root.subject !== root.issuer || !root.verify(root.publicKey)) {
    throw new BadSignature('its chain of certificates does not end with a root');
  }
}

function ageOf(chain: readonly X509Certificate[], level: TrustedSigners['level'], now: Date): string[] {
  const old = chain.find(({ validFromDate, validToDate }) => now < validFromDate || now > validToDate);
  if (!old) return [];
  const text = `the certificate ${oneLine(old.subject)} is valid from ${old.validFrom} to ${old.validTo} (timestamps of authorities are not looked at)`;
  if (level === 'strict') throw new BadSignature(text);
  return [text];
}

/** Nobody is asked whether a certificate was revoked, so one that says where to ask must not pass as if we had. */
function revocationOf(chain: readonly X509Certificate[], level: TrustedSigners['level']): string[] {
  const revocable = chain.find(each => /OCSP/.test(each.infoAccess ?? '') || each.raw.includes(CRL_POINTS));
  if (!revocable) return [];
  const text = `the certificate ${oneLine(revocable.subject)} says where revocations are told, which is not looked up here`;
  if (level === 'strict') throw new BadSignature(`${text}; the level "permissive" accepts that`);
  return [text];
}

export const oneLine = (subject: string) => subject.split('\n').join(',');

function matches(leaf: X509Certificate, identity: Identity): boolean {
  const parts = subjectParts(leaf);
  return identity.every(([attribute, value]) => parts.some(([name, text]) => name === attribute && text === value));
}

function subjectParts({ subject }: X509Certificate): [string, string][] {
  return subject.split('\n').map(line => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1).replace(/\\(.)/g, '$1')];
  });
}

/** `x509.subject: C=US, ST=WA, O=Acme\, Inc`, as Notation's policies write it. Undefined for `*`, which is everybody. */
export function parseIdentity(text: string): Identity | undefined {
  if (text.trim() === '*') return undefined;
  const [, names] = /^x509\.subject:\s*(\S.*)$/.exec(text.trim()) ?? [];
  if (names === undefined) throw invalid(`the identity "${text}" is neither "*" nor "x509.subject: O=..., ..."`);
  return names.split(/(?<!\\),/).map(part => {
    const at = part.indexOf('=');
    if (at < 1) throw invalid(`the identity "${text}" has a part without "="`);
    const attribute = part.slice(0, at).trim().toUpperCase();
    return [
      attribute === 'S' ? 'ST' : attribute,
      part
        .slice(at + 1)
        .trim()
        .replace(/\\(.)/g, '$1'),
    ];
  });
}
