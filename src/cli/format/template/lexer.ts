// Cuts a template into text and the tokens of its actions.
import { quote } from './quote.ts';

export type TokenKind =
  | 'text'
  | 'open' // {{
  | 'close' // }}
  | 'space'
  | 'field' // .Name
  | 'dot'
  | 'variable' // $name
  | 'identifier'
  | 'keyword'
  | 'string'
  | 'char'
  | 'number'
  | 'bool'
  | 'nil'
  | 'declare' // :=
  | 'assign' // =
  | 'comma' // , between the two variables of range
  | 'pipe'
  | 'leftParen'
  | 'rightParen'
  | 'other'
  | 'error'
  | 'end';

export interface Token {
  kind: TokenKind;
  text: string;
  position: number;
  line: number;
}

const keywords = new Set(['block', 'break', 'continue', 'define', 'else', 'end', 'if', 'range', 'template', 'with']);

const SPACE = /[ \t\r\n]/;
const WORD = /[\p{L}\p{Nd}_]/u;

/** All tokens; the last is an 'end' or an 'error'. */
export function tokenize(source: string): Token[] {
  return new Lexer(source).run();
}

class Lexer {
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  #parens = 0;

  constructor(private readonly source: string) {}

  run(): Token[] {
    while (this.#tokens.at(-1)?.kind !== 'error') {
      const open = this.source.indexOf('{{', this.#at);
      this.#text(open);
      if (open < 0) {
        this.#emit('end', '');
        break;
      }
      if (!this.#openAction()) continue;
      while (this.#insideAction()) {}
    }
    return this.#tokens;
  }

  #emit(kind: TokenKind, text: string): void {
    this.#tokens.push({ kind, text, position: this.#at, line: this.#line });
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) this.#line++;
    this.#at += text.length;
  }

  #skip(length: number): void {
    for (let i = 0; i < length; i++) if (this.source[this.#at + i] === '\n') this.#line++;
    this.#at += length;
  }

  #fail(message: string): false {
    this.#tokens.push({ kind: 'error', text: message, position: this.#at, line: this.#line });
    return false;
  }

  #text(open: number): void {
    let text = open < 0 ? this.source.slice(this.#at) : this.source.slice(this.#at, open);
    const whole = text.length;
    if (open >= 0 && this.source[open + 2] === '-' && SPACE.test(this.source[open + 3] ?? '')) {
      text = text.replace(/[ \t\r\n]+$/, '');
    }
    if (text !== '') this.#emit('text', text);
    this.#skip(whole - text.length);
  }

  #openAction(): boolean {
    const trims = this.source[this.#at + 2] === '-' && SPACE.test(this.source[this.#at + 3] ?? '');
    const width = trims ? 4 : 2;
    if (this.source.startsWith('/*', this.#at + width)) {
      this.#skip(width);
      return this.#comment();
    }
    this.#tokens.push({ kind: 'open', text: '{{', position: this.#at, line: this.#line });
    this.#skip(width);
    this.#parens = 0;
    return true;
  }

  /** A comment is all its action may hold. Always false: no action was opened. */
  #comment(): boolean {
    const end = this.source.indexOf('*/', this.#at);
    if (end < 0) return this.#fail('unclosed comment');
    this.#skip(end + 2 - this.#at);
    const width = this.#closeWidth();
    if (width === 0) return this.#fail('comment ends before closing delimiter');
    this.#skipClose(width);
    return false;
  }

  /** How long the closing delimiter here is; 0 when there is none. */
  #closeWidth(): number {
    if (this.source.startsWith('}}', this.#at)) return 2;
    if (SPACE.test(this.source[this.#at] ?? '') && this.source.startsWith('-}}', this.#at + 1)) return 4;
    return 0;
  }

  #skipClose(width: number): void {
    this.#skip(width);
    if (width === 4) this.#skip(/^[ \t\r\n]*/.exec(this.source.slice(this.#at))![0].length);
  }

  /** One token of an action; false after its end or an error. */
  #insideAction(): boolean {
    const width = this.#closeWidth();
    if (width > 0) {
      if (this.#parens > 0) return this.#fail('unclosed left paren');
      this.#tokens.push({ kind: 'close', text: '}}', position: this.#at, line: this.#line });
      this.#skipClose(width);
      return false;
    }
    const c = this.source[this.#at];
    if (c === undefined) return this.#fail('unclosed action');
    if (SPACE.test(c)) return this.#space();
    if (c === '=') return this.#put('assign', '=');
    if (c === ':') {
      if (this.source[this.#at + 1] !== '=') return this.#fail('expected :=');
      return this.#put('declare', ':=');
    }
    if (c === '|') return this.#put('pipe', '|');
    if (c === '"') return this.#quoted('string', '"', 'unterminated quoted string');
    if (c === "'") return this.#quoted('char', "'", 'unterminated character constant');
    if (c === '`') return this.#raw();
    if (c === '$') return this.#name('variable');
    if (c === '.' && !/[0-9]/.test(this.source[this.#at + 1] ?? '')) return this.#name('field');
    if (/[-+.0-9]/.test(c)) return this.#number();
    if (WORD.test(this.#character())) return this.#word();
    if (c === '(') {
      this.#parens++;
      return this.#put('leftParen', '(');
    }
    if (c === ')') {
      this.#parens--;
      if (this.#parens < 0) return this.#fail('unexpected right paren');
      return this.#put('rightParen', ')');
    }
    if (c === ',') return this.#put('comma', ',');
    if (c >= '!' && c <= '~') return this.#put('other', c);
    return this.#fail(`unrecognized character in action: ${unicodeName(this.#character())}`);
  }

  #put(kind: TokenKind, text: string): true {
    this.#emit(kind, text);
    return true;
  }

  #character(): string {
    return String.fromCodePoint(this.source.codePointAt(this.#at) ?? 0);
  }

  #space(): true {
    let end = this.#at;
    while (SPACE.test(this.source[end] ?? '')) end++;
    // The last space may belong to a trimming delimiter.
    if (this.source.startsWith('-}}', end)) end--;
    return this.#put('space', this.source.slice(this.#at, end));
  }

  #quoted(kind: 'string' | 'char', delimiter: string, problem: string): boolean {
    let end = this.#at + 1;
    while (this.source[end] !== delimiter) {
      if (this.source[end] === '\\') end++;
      if (this.source[end] === undefined || this.source[end] === '\n') return this.#fail(problem);
      end++;
    }
    return this.#put(kind, this.source.slice(this.#at, end + 1));
  }

  #raw(): boolean {
    const end = this.source.indexOf('`', this.#at + 1);
    if (end < 0) return this.#fail('unterminated raw quoted string');
    return this.#put('string', this.source.slice(this.#at, end + 1));
  }

  #wordEnd(from: number): number {
    const match = /^[\p{L}\p{Nd}_]*/u.exec(this.source.slice(from));
    return from + (match?.[0].length ?? 0);
  }

  #atTerminator(at: number): boolean {
    const next = this.source[at];
    return next === undefined || SPACE.test(next) || /[.,|:()]/.test(next) || this.source.startsWith('}}', at);
  }

  #badCharacter(at: number): false {
    const character = String.fromCodePoint(this.source.codePointAt(at) ?? 0);
    return this.#fail(`bad character ${unicodeName(character)}`);
  }

  #name(kind: 'variable' | 'field'): boolean {
    if (this.#atTerminator(this.#at + 1)) return this.#put(kind === 'field' ? 'dot' : kind, this.source[this.#at]!);
    const end = this.#wordEnd(this.#at + 1);
    if (!this.#atTerminator(end)) return this.#badCharacter(end);
    return this.#put(kind, this.source.slice(this.#at, end));
  }

  #word(): boolean {
    const end = this.#wordEnd(this.#at);
    const word = this.source.slice(this.#at, end);
    if (!this.#atTerminator(end)) return this.#badCharacter(end);
    if (keywords.has(word)) return this.#put('keyword', word);
    if (word === 'true' || word === 'false') return this.#put('bool', word);
    return this.#put(word === 'nil' ? 'nil' : 'identifier', word);
  }

  #number(): boolean {
    const rest = this.source.slice(this.#at);
    const match = /^[+-]?(0[xX][0-9a-fA-F_]*|0[bB][01_]*|0[oO][0-7_]*|[0-9_]*(\.[0-9_]*)?([eE][+-]?[0-9_]*)?)/.exec(
      rest,
    );
    const text = match?.[0] ?? '';
    const next = rest[text.length];
    if (!/[0-9]/.test(text) || (next !== undefined && WORD.test(next))) {
      const bad = next !== undefined && WORD.test(next) ? text + next : text || rest[0]!;
      return this.#fail(`bad number syntax: ${quote(bad)}`);
    }
    return this.#put('number', text);
  }
}

/** Go's %#U: U+0041 'A'. */
function unicodeName(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase().padStart(4, '0');
  return code < 0x20 || code === 0x7f ? `U+${hex}` : `U+${hex} '${character}'`;
}

/** How messages name a token. */
export function tokenText(token: Token): string {
  if (token.kind === 'end') return 'EOF';
  if (token.kind === 'keyword' || token.kind === 'dot' || token.kind === 'nil') return `<${token.text}>`;
  const characters = [...token.text];
  return characters.length > 10 ? `${quote(characters.slice(0, 10).join(''))}...` : quote(token.text);
}
