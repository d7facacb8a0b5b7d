// Identifiers are branded so that a container's id can't be passed where an image's is wanted.

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type ContainerId = Branded<'container'>;
export type ExecId = Branded<'exec'>;
export type NetworkId = Branded<'network'>;
/** `sha256:<hex>` of some content. */
export type Digest = Branded<'digest'>;
/** The digest of a stack of layers: what a snapshot directory is named by. */
export type ChainId = Branded<'chain'>;

/** 64 hex digits, never all decimal in the first twelve: a short id must not be mistaken for a number. */
function randomHexId(): string {
  for (;;) {
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex');
    if (!/^\d{12}/.test(id)) return id;
  }
}

export const newContainerId = () => randomHexId() as ContainerId;
export const newExecId = () => randomHexId() as ExecId;
export const newNetworkId = () => randomHexId() as NetworkId;

/** The twelve digits people see; a digest's algorithm is left out. */
export function shortId(id: string): string {
  const colon = id.indexOf(':');
  return id.slice(colon + 1, colon + 13);
}

const digestPattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return digestPattern.test(text);
}

export function sha256(content: string | Uint8Array): Digest {
  return `sha256:${new Bun.CryptoHasher('sha256').update(content).digest('hex')}` as Digest;
}
