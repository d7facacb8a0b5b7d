// Linux names are bytes. Almost all are UTF-8; the bytes of those that are not travel through strings as lone
// surrogates (U+DC80 to U+DCFF), so that every name survives the way through JavaScript unchanged.

/** Bytes of a name to a string, without loss. */
export function decodeName(bytes: Uint8Array): string {
  const text = buffer(bytes).toString('utf8', 0, bytes.length);
  // Either the name really holds U+FFFD, or something in it was not UTF-8.
  return text.includes('\ufffd') ? decodeSlowly(bytes) : text;
}

/** What `decodeName` made, back to the same bytes. */
export function encodeName(name: string): Buffer {
  return escaped.test(name) ? encodeSlowly(name) : Buffer.from(name);
}

const escaped = /[\udc80-\udcff]/;

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Length of the well-formed UTF-8 sequence at `at`, 0 if there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const second = bytes[at + 1] ?? 0;
  const continues = (offset: number) => ((bytes[at + offset] ?? 0) & 0xc0) === 0x80;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    // Overlong forms and encoded surrogates are not UTF-8.
    if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return 0;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    if ((first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f)) return 0;
    return 4;
  }
  return 0;
}

function decodeSlowly(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) text += String.fromCharCode(0xdc00 + bytes[at]!);
    else text += buffer(bytes).toString('utf8', at, at + length);
    at += Math.max(length, 1);
  }
  return text;
}

function encodeSlowly(name: string): Buffer {
  const parts: Buffer[] = [];
  // Iterating by code point keeps real surrogate pairs together.
  for (const character of name) {
    const code = character.charCodeAt(0);
    if (character.length === 1 && code >= 0xdc80 && code <= 0xdcff) parts.push(Buffer.from([code - 0xdc00]));
    else parts.push(Buffer.from(character));
  }
  return Buffer.concat(parts);
}
