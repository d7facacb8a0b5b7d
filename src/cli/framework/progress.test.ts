import { describe, expect, test } from 'bun:test';
import { MemoryOutput } from './output.ts';
import { type ProgressMessage, progressBar, showProgress } from './progress.ts';

async function show(messages: ProgressMessage[], columns?: number, rows = 24): Promise<string> {
  const out = new MemoryOutput();
  const source = (async function* () {
    for (const message of messages) yield Buffer.from(`${JSON.stringify(message)}\r\n`);
  })();
  await showProgress(source, out, { size: columns === undefined ? undefined : () => ({ columns, rows }) });
  return out.text;
}

const pull: ProgressMessage[] = [
  { status: 'Pulling from library/x', id: 'latest' },
  { status: 'Pulling fs layer', id: 'aaa', progressDetail: {} },
  { status: 'Pulling fs layer', id: 'bbb', progressDetail: {} },
  { status: 'Downloading', id: 'aaa', progressDetail: { current: 512, total: 1024 } },
  { status: 'Download complete', id: 'bbb', progressDetail: {} },
  { status: 'Digest: sha256:123' },
];

test('without a terminal each state is a line, and progress is left out', async () => {
  expect(await show(pull)).toBe(
    'latest: Pulling from library/x\naaa: Pulling fs layer\nbbb: Pulling fs layer\nbbb: Download complete\nDigest: sha256:123\n',
  );
});

/** What a terminal shows after all the moving about, with what has left its window at the top. */
function screenOf(text: string, height = 24): string[] {
  const lines = [''];
  let row = 0;
  let column = 0;
  for (const [, up, down, erase, below, char] of text.matchAll(
    /\x1b\[(\d+)A|\x1b\[(\d+)B|(\x1b\[2K)|(\x1b\[J)|([\s\S])/g,
  )) {
    const top = Math.max(0, lines.length - height);
    if (up) row = Math.max(top, row - Number(up));
    else if (down) row = Math.min(lines.length - 1, row + Number(down));
    else if (erase) lines[row] = '';
    // The window stays where it is.
    else if (below) lines.fill('', row);
    else if (char === '\r') column = 0;
    else if (char === '\n') {
      row++;
      column = 0;
      lines[row] ??= '';
    } else {
      const line = lines[row]!;
      lines[row] = line.slice(0, column).padEnd(column) + char + line.slice(column + 1);
      column++;
    }
  }
  return lines.map(line => line.trimEnd());
}

test('on a terminal each layer has a line of its own that changes', async () => {
  expect(screenOf(await show(pull, 80))).toEqual([
    'latest: Pulling from library/x',
    'aaa: Downloading     512B/1.024kB',
    'bbb: Download complete',
    'Digest: sha256:123',
    '',
  ]);
});

test('a narrow terminal gets lines that fit', async () => {
  expect(screenOf(await show(pull, 20))).toEqual([
    'latest: Pulling from library/x',
    'aaa: Downloading',
    'bbb: Download compl',
    'Digest: sha256:123',
    '',
  ]);
});

describe('a window with fewer lines than there are layers', () => {
  const ids = ['aaa', 'bbb', 'ccc', 'ddd', 'eee', 'fff'];
  const waiting = ids.map(id => ({ status: 'Pulling fs layer', id, progressDetail: {} }));
  const loading = (id: string) => ({ status: 'Downloading', id, progressDetail: { current: 512, total: 1024 } });
  const complete = (id: string) => ({ status: 'Pull complete', id, progressDetail: {} });

  test('shows those in which something happens', async () => {
    const out = new MemoryOutput();
    const source = (async function* () {
      for (const message of [...waiting, loading('fff')]) yield Buffer.from(`${JSON.stringify(message)}\n`);
      // Before the end shows all of them.
      expect(screenOf(out.text, 4).slice(-4)).toEqual([
        'aaa: Pulling fs layer',
        'bbb: Pulling fs layer',
        'fff: Downloading     512B/1.024kB',
        '',
      ]);
    })();
    await showProgress(source, out, { size: () => ({ columns: 80, rows: 4 }) });
  });

  test('and has all of them above in the end, each once', async () => {
    const messages = [...waiting, ...ids.flatMap(id => [loading(id), complete(id)]), { status: 'Digest: sha256:123' }];
    const lines = screenOf(await show(messages, 80, 4), 4).filter(Boolean);
    expect(lines).toEqual([...ids.map(id => `${id}: Pull complete`), 'Digest: sha256:123']);
  });

  test('also if its width changes meanwhile', async () => {
    const out = new MemoryOutput();
    let columns = 80;
    const source = (async function* () {
      for (const message of [...waiting, ...ids.map(complete)]) {
        yield Buffer.from(`${JSON.stringify(message)}\n`);
        columns++;
      }
    })();
    await showProgress(source, out, { size: () => ({ columns, rows: 4 }) });
    expect(screenOf(out.text, 4).filter(Boolean)).toEqual(ids.map(id => `${id}: Pull complete`));
  });
});

test('an error inside the stream is thrown', async () => {
  await expect(show([{ error: 'old', errorDetail: { message: 'no space left on device' } }])).rejects.toThrow(
    'no space left on device',
  );
});

test('what is meant for the program goes to it', async () => {
  const out = new MemoryOutput();
  const seen: unknown[] = [];
  const source = (async function* () {
    yield Buffer.from('{"aux":{"ID":"sha256:1"}}\n{"stream":"Loaded image: x\\n"}\n');
  })();
  await showProgress(source, out, { onAux: aux => void seen.push(aux) });
  expect(seen).toEqual([{ ID: 'sha256:1' }]);
  expect(out.text).toBe('Loaded image: x\n');
});

describe('the bar', () => {
  test.each([
    [{}, 200, ''],
    [{ current: 1 }, 200, '      1B'],
    [{ current: 5, units: 'files' }, 200, '5 files'],
    [{ current: 50, total: 100 }, 200, `[${'='.repeat(25)}>${' '.repeat(25)}]      50B/100B`],
    [{ current: 50, total: 100 }, 80, '     50B/100B'],
    [{ current: 3, total: 4, units: 'layers' }, 80, '3/4 layers'],
    [{ current: 150, total: 100 }, 80, '    150B'],
    [{ current: 1, total: 2, hidecounts: true }, 200, `[${'='.repeat(25)}>${' '.repeat(25)}] `],
  ])('%p in %i columns', (detail, columns, text) => {
    expect(progressBar(detail, columns)).toBe(text);
  });
});
