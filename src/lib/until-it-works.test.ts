import { expect, test } from 'bun:test';
import { untilItWorks } from './until-it-works.ts';

test('work that fails is done again, and each failure is told', async () => {
  const failures: unknown[] = [];
  let rounds = 0;
  const work = () => {
    if (++rounds < 3) throw new Error(`round ${rounds}`);
  };
  await untilItWorks(work, error => failures.push(String(error)));
  expect(failures).toEqual(['Error: round 1', 'Error: round 2']);
  expect(rounds).toBe(3);
});
