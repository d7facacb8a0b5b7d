// Bytes of output to JSON string text and back, byte for byte as Docker's json-file driver writes it.

const hex = Buffer.from('0123456789abcdef');
const backslash = 0x5c;

/** How many bytes of text one byte of output can become. */
export const worstGrowth = 6;

/** 1 for bytes that stand for themselves; Docker also escapes <, > and &. */
const plain = new Uint8Array(256);
for (let byte = 0x20; byte < 0x80; byte++) plain[byte] = 1;
for (const escaped of '"\\<>&') plain[escaped.charCodeAt(0)] = 0;

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** The length of the UTF-8 sequence at `at`, 0 if there is no valid one before `end`. */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  if (first < 0xc2 || first > 0xf4) return 0;
  const second = at + 1 < end ? bytes[at + 1]! : 0;
  if (!isContinuation(second)) return 0;
  if (first < 0xe0) return 2;
  if (at + 2 >= end || !isContinuation(bytes[at + 2])) return 0;
  if (first < 0xf0) {
    const overlong = first === 0xe0 && second < 0xa0;
    const surrogate = first === 0xed && second > 0x9f;
    return overlong || surrogate ? 0 : 3;
  }
  if (at + 3 >= end || !isContinuation(bytes[at + 3])) return 0;
  const overlong = first === 0xf0 && second < 0x90;
  const beyond = first === 0xf4 && second > 0x8f;
  return overlong || beyond ? 0 : 4;
}

/** How much of bytes[start, end) to take so that a character which goes on after `end` is left whole for the next piece. */
export function wholeCharacters(bytes: Uint8Array, start: number, end: number): number {
  for (let back = 1; back <= 3 && end - back > start; back++) {
    const byte = bytes[end - back]!;
    if (isContinuation(byte)) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return length > back ? end - back : end;
  }
  return end;
}

/** Writes bytes[start, end) as the inside of a JSON string; returns where the text ends. `out` must have room for the worst. */
export function writeJsonText(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  for (let index = start; index < end; ) {
    const byte = bytes[index]!;
    if (plain[byte] === 1) {
      out[at++] = byte;
      index++;
      continue;
    }
    if (byte < 0x80) {
      out[at++] = backslash;
      if (byte === 0x0a) out[at++] = 0x6e;
      else if (byte === 0x0d) out[at++] = 0x72;
      else if (byte === 0x22 || byte === backslash) out[at++] = byte;
      else at = writeUnicode(0, byte, out, at);
      index++;
      continue;
    }
    const length = sequenceLength(bytes, index, end);
    if (length === 0) {
      out[at++] = backslash;
      at = writeUnicode(0xff, 0xfd, out, at);
      index++;
    } else if (length === 3 && byte === 0xe2 && bytes[index + 1] === 0x80 && (bytes[index + 2]! & 0xfe) === 0xa8) {
      // Line and paragraph separator.
      out[at++] = backslash;
      at = writeUnicode(0x20, 0x20 | (bytes[index + 2]! & 0x0f), out, at);
      index += 3;
    } else {
      for (const stop = index + length; index < stop; index++) out[at++] = bytes[index]!;
    }
  }
  return at;
}

function writeUnicode(high: number, low: number, out: Uint8Array, at: number): number {
  out[at] = 0x75;
  out[at + 1] = hex[high >> 4]!;
  out[at + 2] = hex[high & 15]!;
  out[at + 3] = hex[low >> 4]!;
  out[at + 4] = hex[low & 15]!;
  return at + 5;
}

function hexDigit(byte: number): number {
  return byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
}

function codeUnit(text: Uint8Array, at: number): number {
  return (
    (hexDigit(text[at]!) << 12) |
    (hexDigit(text[at + 1]!) << 8) |
    (hexDigit(text[at + 2]!) << 4) |
    hexDigit(text[at + 3]!)
  );
}

const shortEscapes: Record<number, number> = { 110: 0x0a, 114: 0x0d, 116: 0x09, 98: 0x08, 102: 0x0c };

/** The bytes that text[start, end), the inside of a JSON string, stands for; returns their end in `out`, which they never outgrow. */
export function readJsonText(text: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let at = 0;
  for (let index = start; index < end; ) {
    const byte = text[index]!;
    if (byte !== backslash) {
      out[at++] = byte;
      index++;
      continue;
    }
    const letter = text[index + 1]!;
    if (letter !== 0x75) {
      out[at++] = shortEscapes[letter] ?? letter;
      index += 2;
      continue;
    }
    let character = codeUnit(text, index + 2);
    index += 6;
    if (character >= 0xd800 && character < 0xdc00 && text[index] === backslash && text[index + 1] === 0x75) {
      const low = codeUnit(text, index + 2);
      if (low >= 0xdc00 && low < 0xe000) {
        character = 0x10000 + ((character - 0xd800) << 10) + (low - 0xdc00);
        index += 6;
      }
    }
    if (character >= 0xd800 && character < 0xe000) character = 0xfffd;
    if (character < 0x80) {
      out[at++] = character;
    } else if (character < 0x800) {
      out[at++] = 0xc0 | (character >> 6);
      out[at++] = 0x80 | (character & 0x3f);
    } else if (character < 0x10000) {
      out[at++] = 0xe0 | (character >> 12);
      out[at++] = 0x80 | ((character >> 6) & 0x3f);
      out[at++] = 0x80 | (character & 0x3f);
    } else {
      out[at++] = 0xf0 | (character >> 18);
      out[at++] = 0x80 | ((character >> 12) & 0x3f);
      out[at++] = 0x80 | ((character >> 6) & 0x3f);
      out[at++] = 0x80 | (character & 0x3f);
    }
  }
  return at;
}
