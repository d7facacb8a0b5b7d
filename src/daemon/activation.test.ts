import { expect, test } from 'bun:test';

/** A daemon in a process of its own, on whatever socket it finds at descriptor 3. */
const daemon = `
  import { listen } from '${import.meta.dir}/listen.ts';
  import { stream } from '${import.meta.dir}/../api/reply.ts';
  process.env.LISTEN_PID = String(process.pid);
  const handler = async request => stream('text/plain', request.body);
  await listen({ hosts: [{ kind: 'fd', which: '' }], tls: undefined, group: { name: '', asked: false } }, { handler, headers: {} });
  console.log('up');
  // The signal alone does not keep a process; an engine does.
  setInterval(() => {}, 60_000);
`;

test('a socket that the service manager made is served, also those who came before us', async () => {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  // Bun has it, its types have not.
  const { port, fd } = listener as typeof listener & { fd: number };
  const child = Bun.spawn([process.execPath, '-e', daemon], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
    env: { ...process.env, LISTEN_FDS: '1' },
  });
  // From here on the child alone has the socket.
  listener.stop(true);
  try {
    const early = fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'early' });
    await child.stdout.getReader().read();
    expect(await (await early).text()).toBe('early');
    const many = Array.from({ length: 20 }, async (_, index) => {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: `${index}`.repeat(10_000) });
      return (await answer.text()).length;
    });
    expect((await Promise.all(many)).every(length => length >= 10_000)).toBe(true);
  } finally {
    child.kill('SIGKILL');
    await child.exited;
  }
});
