import { expect, test } from 'bun:test';
import { OutputQueue } from './output-queue.ts';

const texts = async (queue: OutputQueue) =>
  (await queue.takeAll()).map(({ stream, data }) => `${stream}${Buffer.from(data)}`);

test('what waits is taken at once, in runs of one stream each', async () => {
  let taken = 0;
  const queue = new OutputQueue(() => taken++);
  const reused = Buffer.from('a');
  queue.push(1, reused);
  reused.fill('?');
  queue.push(1, Buffer.from('b'));
  queue.push(2, Buffer.from('c'));
  queue.push(1, Buffer.from('d'));
  expect(queue.size).toBe(4);
  expect(await texts(queue)).toEqual(['1ab', '2c', '1d']);
  expect([queue.size, taken]).toEqual([0, 1]);
});

test('what was taken stays as it is while more comes, until more is taken', async () => {
  const queue = new OutputQueue(() => undefined);
  queue.push(1, Buffer.from('first'));
  const [first] = await queue.takeAll();
  queue.push(1, Buffer.alloc(100_000, 'x'));
  expect(Buffer.from(first!.data).toString()).toBe('first');
  expect((await queue.takeAll())[0]!.data.length).toBe(100_000);
});

test('whoever waits is woken by output and by the end, and what waits at the end is not lost', async () => {
  const queue = new OutputQueue(() => undefined);
  const waiting = texts(queue);
  queue.push(2, Buffer.from('late'));
  expect(await waiting).toEqual(['2late']);
  queue.push(1, Buffer.from('last'));
  queue.end();
  queue.push(1, Buffer.from('too late'));
  expect(await texts(queue)).toEqual(['1last']);
  expect(await texts(queue)).toEqual([]);
});
