import { expect, test } from 'bun:test';
import { SharedTasks } from './shared-tasks.ts';

function gate() {
  let open!: () => void;
  const opened = new Promise<void>(resolve => {
    open = resolve;
  });
  return { open, opened };
}

test('what several ask for is done once', async () => {
  const tasks = new SharedTasks<string, number>();
  const { open, opened } = gate();
  let runs = 0;
  const work = async () => {
    runs++;
    await opened;
    return 7;
  };
  const answers = [tasks.run('a', undefined, work), tasks.run('a', undefined, work), tasks.run('b', undefined, work)];
  open();
  expect(await Promise.all(answers)).toEqual([7, 7, 7]);
  expect(runs).toBe(2);
  await tasks.run('a', undefined, work);
  expect(runs).toBe(3);
});

test('one who leaves does not stop the others; the last one does', async () => {
  const tasks = new SharedTasks<string, string>();
  let stopped = false;
  const work = (signal: AbortSignal) =>
    new Promise<string>((_, reject) => {
      signal.addEventListener('abort', () => {
        stopped = true;
        reject(signal.reason);
      });
    });
  const [first, second] = [new AbortController(), new AbortController()];
  const one = tasks.run('k', first.signal, work);
  const two = tasks.run('k', second.signal, work);
  first.abort(new Error('first left'));
  await expect(one).rejects.toThrow('first left');
  expect(stopped).toBe(false);
  second.abort(new Error('second left'));
  await expect(two).rejects.toThrow('second left');
  expect(stopped).toBe(true);
  expect(await tasks.run('k', undefined, async () => 'anew')).toBe('anew');
});

test('everybody hears of a failure', async () => {
  const tasks = new SharedTasks<string, void>();
  const work = async () => {
    throw new Error('broken');
  };
  const outcomes = await Promise.allSettled([tasks.run('k', undefined, work), tasks.run('k', undefined, work)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});
