import { expect, test } from 'bun:test';
import { chooseLines, processTable } from './top.ts';

test('plain -ef answers what the machine’s ps does', async () => {
  const child = Bun.spawn(['sleep', '60'], { stdio: ['ignore', 'ignore', 'ignore'] });
  try {
    const own = await processTable([child.pid], '-ef');
    expect(own.Titles).toEqual(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
    expect(own.Processes?.[0]?.at(-1)).toBe('sleep 60');
    if (Bun.which('ps') === null) return;
    // The long form is not answered by ourselves. The use of the processor changes from look to look, and the start of
    // a process at the very end of a minute is rounded either way.
    const theirs = await processTable([child.pid], '-e -f');
    const comparable = (rows?: string[][]) => rows?.map(row => row.toSpliced(3, 2));
    expect(own.Titles).toEqual(theirs.Titles);
    expect(comparable(own.Processes)).toEqual(comparable(theirs.Processes));
  } finally {
    child.kill();
    await child.exited;
  }
});

test('a process that is gone is left out', async () => {
  expect((await processTable([2 ** 22 + 1], '')).Processes).toEqual([]);
});

test('the pid column must stay what it is', async () => {
  await expect(processTable([1], '-o user=PID')).rejects.toThrow('specifying "user=PID" is not allowed');
});

test('lines are chosen by pid, threads with their process, and the last column keeps its words', () => {
  const output = 'PID TTY CMD\n  1 ? init\n 20 pts/0 sh -c  x\n - - -\n 21 ? other\n - - -\n';
  expect(chooseLines(output, new Set([20]))).toEqual({
    Titles: ['PID', 'TTY', 'CMD'],
    Processes: [
      ['20', 'pts/0', 'sh -c x'],
      ['-', '-', '-'],
    ],
  });
  expect(() => chooseLines('TTY CMD\n', new Set([1]))).toThrow("Couldn't find PID field in ps output");
});
