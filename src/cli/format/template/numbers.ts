// Constants of templates.
import { quote, unquote } from './quote.ts';

export interface NumberConstant {
  /** Set when the constant is a whole number. */
  int?: bigint;
  float: number;
  /** Written with a point or an exponent: a float unless an integer is asked for. */
  isFloat: boolean;
}

/** A constant as Go's grammar has it: 12, 0x1f, 0b1, 0o7, 1_000, 1.5, 1e3, 'x'. A text is what is wrong with it. */
export function parseNumber(text: string): NumberConstant | string {
  if (text[0] === "'") {
    const characters = [...(unquote(text) ?? '')];
    if (characters.length !== 1) return `malformed character constant: ${text}`;
    const code = characters[0]!.codePointAt(0)!;
    return { int: BigInt(code), float: code, isFloat: false };
  }
  const negative = text[0] === '-';
  const digits = text.replace(/^[+-]/, '').replaceAll('_', '');
  const octal = /^0[0-7]+$/.test(digits) ? `0o${digits}` : digits;
  if (/^(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|[1-9][0-9]*|0)$/.test(octal)) {
    const magnitude = BigInt(octal);
    const int = negative ? -magnitude : magnitude;
    return { int, float: Number(int), isFloat: false };
  }
  if (/^0[0-9]+$/.test(digits)) return `integer overflow: ${quote(text)}`;
  if (!/^([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(digits)) return `bad number syntax: ${quote(text)}`;
  const float = Number(text.replaceAll('_', ''));
  const whole = Number.isSafeInteger(float) && !digits.includes('.');
  return { float, int: whole ? BigInt(float) : undefined, isFloat: true };
}
