// `docker exec` with engines that know nothing of what our own offers it: one request after the other, and the exit code asked
// for when the output has ended.
import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runDocker } from '../../docker.ts';
import { MemoryOutput } from '../../framework/output.ts';

/** Answers by `METHOD /path`; an upgrade is followed by the end of the stream. */
async function withEngine(answer: (asked: string) => [status: string, body: unknown], args: string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'exec-test-'));
  const asked: string[] = [];
  using _server = Bun.listen<{ seen: string }>({
    unix: `${directory}/socket`,
    socket: {
      open(socket) {
        socket.data = { seen: '' };
      },
      data(socket, chunk) {
        socket.data.seen += chunk.toString();
        const [head = '', body] = socket.data.seen.split('\r\n\r\n');
        if (body === undefined || body.length < Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)) return;
        const [, request = ''] = /^(\w+ \S+)/.exec(head) ?? [];
        socket.data.seen = '';
        asked.push(request.replace(/\/v[\d.]+/, ''));
        const [status, reply] = answer(asked.at(-1)!);
        const text = reply === undefined ? '' : JSON.stringify(reply);
        const framing = status.startsWith('101') ? '' : `Content-Length: ${text.length}\r\n`;
        socket.write(`HTTP/1.1 ${status}\r\nApi-Version: 1.41\r\n${framing}\r\n${text}`);
        if (status.startsWith('101')) socket.end();
      },
    },
  });
  try {
    const globals = ['--host', `unix://${directory}/socket`, '--config', directory];
    const [out, err] = [new MemoryOutput(), new MemoryOutput()];
    const code = await runDocker([...globals, 'exec', ...args], { out, err });
    return { code, asked, err: err.text };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('an engine that only creates is asked to start, and again for the exit code', async () => {
  let questions = 0;
  const { code, asked, err } = await withEngine(
    request => {
      if (request === 'POST /containers/c/exec') return ['201 Created', { Id: 'e1' }];
      if (request === 'POST /exec/e1/start') return ['101 UPGRADED', undefined];
      // What podman says of one that runs, too: its exit code is 0 until it has one.
      const running = questions++ === 0;
      return ['200 OK', { Running: running, ExitCode: running ? 0 : 7, Pid: 1 }];
    },
    ['c', 'true'],
  );
  expect([code, err]).toEqual([7, '']);
  expect(asked).toEqual(['POST /containers/c/exec', 'POST /exec/e1/start', 'GET /exec/e1/json', 'GET /exec/e1/json']);
});

test('what such an engine refuses is told', async () => {
  const refusal = { message: 'No such container: c' };
  const { code, asked, err } = await withEngine(() => ['404 Not Found', refusal], ['c', 'true']);
  expect([code, asked]).toEqual([1, ['POST /containers/c/exec']]);
  expect(err).toContain('No such container: c');
});
