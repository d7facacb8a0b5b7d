import { expect, test } from 'bun:test';
import { Queue } from './queue.ts';

test('items come out in order, then the end', async () => {
  const queue = new Queue<number>();
  queue.push(1);
  queue.push(2);
  setTimeout(() => {
    queue.push(3);
    queue.end();
  }, 1);
  const seen: number[] = [];
  for await (const item of queue) seen.push(item);
  expect(seen).toEqual([1, 2, 3]);
});

test('waiting items are delivered before the error', async () => {
  const queue = new Queue<number>();
  queue.push(1);
  queue.end(new Error('broken'));
  expect(await queue.takeAll()).toEqual([1]);
  expect(queue.takeAll()).rejects.toThrow('broken');
});

test('the size counts what waits, and the drain tells when nothing does', async () => {
  const queue = new Queue<string>(item => item.length);
  let drained = 0;
  queue.onDrain(() => drained++);
  queue.push('abc');
  queue.push('de');
  expect(queue.size).toBe(5);
  expect(await queue.takeAll()).toEqual(['abc', 'de']);
  expect(queue.size).toBe(0);
  expect(drained).toBe(1);
});
