// Words of Dockerfile instructions: cut at white space outside of quotes; quotes, backslashes and variables are resolved
// word by word afterwards.
import { invalid } from '../../lib/errors.ts';

/** Quotes and backslashes stay as they are. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '\\' && quote !== "'") {
      word += character + (text[++at] ?? '');
    } else if (quote !== '') {
      word += character;
      if (character === quote) quote = '';
    } else if (character === '"' || character === "'") {
      word += character;
      quote = character;
    } else if (/\s/.test(character)) {
      if (word !== '') words.push(word);
      word = '';
    } else {
      word += character;
    }
  }
  if (quote !== '') throw invalid(`unterminated quote in ${JSON.stringify(text)}`);
  if (word !== '') words.push(word);
  return words;
}

/** What a word means: without its quotes, with variables replaced ($A, ${A}, ${A:-otherwise}, ${A:+if set}). */
export function expandWord(word: string, environment: ReadonlyMap<string, string>): string {
  let result = '';
  let quote = '';
  for (let at = 0; at < word.length; at++) {
    const character = word[at]!;
    if (quote === "'") {
      if (character === "'") quote = '';
      else result += character;
    } else if (character === '\\') {
      const next = word[at + 1] ?? '';
      // Inside double quotes a backslash is one unless it saves something from its meaning.
      result += quote === '"' && !'"$\\'.includes(next) ? `\\${next}` : next;
      at++;
    } else if (character === '"' || (character === "'" && quote === '')) {
      quote = quote === character ? '' : character;
    } else if (character === '$') {
      const match = /^\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})/.exec(word.slice(at));
      if (!match) {
        result += character;
        continue;
      }
      result += variable(environment.get(match[1] ?? match[2]!), match[3], () => expandWord(match[4]!, environment));
      at += match[0].length - 1;
    } else {
      result += character;
    }
  }
  return result;
}

function variable(value: string | undefined, operator: string | undefined, word: () => string): string {
  if (operator === '-') return value || word();
  if (operator === '+') return value ? word() : '';
  return value ?? '';
}
