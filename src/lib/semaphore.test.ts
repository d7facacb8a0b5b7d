import { expect, test } from 'bun:test';
import { Semaphore } from './semaphore.ts';

/** Starts as many as ask, and tells how many have come in. */
function crowd(semaphore: Semaphore, size: number): { inside: () => number; leave: () => Promise<void> } {
  const held: Disposable[] = [];
  for (let each = 0; each < size; each++) void semaphore.acquire().then(permit => held.push(permit));
  let left = 0;
  return {
    inside: () => held.length - left,
    leave: async () => {
      held[left++]![Symbol.dispose]();
      await Bun.sleep(0);
    },
  };
}

test('lets in so many at a time, each once', async () => {
  const { inside, leave } = crowd(new Semaphore(2), 4);
  await Bun.sleep(0);
  expect(inside()).toBe(2);
  await leave();
  expect(inside()).toBe(2);
  for (const rest of [2, 1, 0]) {
    await leave();
    expect(inside()).toBe(rest);
  }
});

test('a number that changes holds from the next change of hands', async () => {
  let permits = 1;
  const { inside, leave } = crowd(new Semaphore(() => permits), 6);
  await Bun.sleep(0);
  expect(inside()).toBe(1);
  permits = 3;
  await leave();
  expect(inside()).toBe(3);
  permits = 1;
  await leave();
  await leave();
  expect(inside()).toBe(1);
});

test('a permit that is given back twice counts once', async () => {
  const semaphore = new Semaphore(1);
  const permit = await semaphore.acquire();
  permit[Symbol.dispose]();
  permit[Symbol.dispose]();
  const { inside } = crowd(semaphore, 2);
  await Bun.sleep(0);
  expect(inside()).toBe(1);
});
