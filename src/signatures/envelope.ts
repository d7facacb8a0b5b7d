// What Notation's two kinds of envelope have in common once they are open. Nothing in it is verified yet.

export interface Envelope {
  /** In JWS's names: alg, cty, crit, and Notation's own. */
  header: Readonly<Record<string, unknown>>;
  /** Certificates in DER, the signer's first. */
  chain: Buffer[];
  payload: Buffer;
  /** The bytes that were signed. */
  signed: Buffer;
  /** Of ECDSA the two numbers side by side. */
  signature: Buffer;
}
