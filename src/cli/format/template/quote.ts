// Go's string literals, both ways.

const named: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

/** Whether Go prints the character as it is. */
export function isPrintable(character: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character);
}

function quoteWith(text: string, delimiter: string, onlyAscii: boolean): string {
  let out = delimiter;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const escaped = character === delimiter ? `\\${delimiter}` : named[character];
    if (escaped !== undefined) out += escaped;
    else if (isPrintable(character) && (code < 0x80 || !onlyAscii)) out += character;
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code < 0x10000) out += `\\u${code.toString(16).padStart(4, '0')}`;
    else out += `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return out + delimiter;
}

/** Go's %q of a string. */
export function quote(text: string, onlyAscii = false): string {
  return quoteWith(text, '"', onlyAscii);
}

/** Go's %q of a character. */
export function quoteCharacter(code: bigint | number, onlyAscii = false): string {
  const number = Number(code);
  const valid = number >= 0 && number <= 0x10ffff && !(number >= 0xd800 && number <= 0xdfff);
  return quoteWith(String.fromCodePoint(valid ? number : 0xfffd), "'", onlyAscii);
}

const simple: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

/** The text of a literal in double, single or back quotes; undefined when it isn't a valid one. */
export function unquote(literal: string): string | undefined {
  const delimiter = literal[0]!;
  const body = literal.slice(1, -1);
  if (delimiter === '`') return body.replaceAll('\r', '');
  if (!body.includes('\\')) return body;
  // \x and octal escapes are bytes that may only together make a character.
  const bytes: Buffer[] = [];
  const piece = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))|[^\\]+/gsu;
  let end = 0;
  for (const match of body.matchAll(piece)) {
    if (match.index !== end) return undefined;
    end += match[0].length;
    const byte = match[1] !== undefined ? Number.parseInt(match[1], 16) : Number.parseInt(match[4] ?? '', 8);
    const unicode = match[2] ?? match[3];
    if (match[0][0] !== '\\') bytes.push(Buffer.from(match[0]));
    else if (unicode !== undefined) {
      const code = Number.parseInt(unicode, 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
      bytes.push(Buffer.from(String.fromCodePoint(code)));
    } else if (!Number.isNaN(byte)) {
      if (byte > 255) return undefined;
      bytes.push(Buffer.from([byte]));
    } else {
      const letter = match[5]!;
      const text = letter === delimiter ? letter : simple[letter];
      if (text === undefined) return undefined;
      bytes.push(Buffer.from(text));
    }
  }
  return end === body.length ? Buffer.concat(bytes).toString() : undefined;
}
