import { expect, test } from 'bun:test';
import type { Rule } from './chains.ts';
import { RuleBook } from './rule-book.ts';

const rule = (text: string): Rule => ({ table: 'filter', chain: 'c', text });
const changesOf = (book: RuleBook) => book.takeChanges().map(change => `${change.action} ${change.rule.text}`);

test('a rule with several reasons comes with the first and goes with the last', () => {
  const book = new RuleBook();
  book.add([rule('a'), rule('a'), rule('b')]);
  expect(changesOf(book)).toEqual(['add a', 'add b']);
  book.remove([rule('a')]);
  expect(book.hasChanges).toBe(false);
  book.remove([rule('a')]);
  expect(changesOf(book)).toEqual(['delete a']);
  expect(book.rules).toEqual([rule('b')]);
});

test('what comes and goes before anything is written is never written', () => {
  const book = new RuleBook();
  book.add([rule('a')]);
  book.remove([rule('a')]);
  expect(book.hasChanges).toBe(false);
  book.add([rule('b')]);
  book.takeChanges();
  book.remove([rule('b')]);
  book.add([rule('b')]);
  expect(book.hasChanges).toBe(false);
});

test('what was never there is not taken away', () => {
  const book = new RuleBook();
  book.remove([rule('a')]);
  expect(book.hasChanges).toBe(false);
  expect(book.isEmpty).toBe(true);
});
