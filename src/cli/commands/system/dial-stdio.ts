import { type Connection, dialer } from '../../../client/transport.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { openStreamOutput } from '../../stdio/stream-output.ts';

export const command = defineCommand({
  usage: '',
  summary: 'Connect stdin and stdout with the engine',
  arguments: noArguments,
  hidden: true,
  flags: {},
  async run(cli) {
    const connection = await dialer(await cli.endpoint())();
    // The engine's end decides: stdin may be a terminal, which never ends.
    void sendStdin(connection);
    const out = await openStreamOutput(1);
    for (;;) {
      const chunks = await connection.takeAll();
      if (chunks.length === 0) break;
      for (const chunk of chunks) await out.write(chunk);
      await out.flush();
    }
    connection.destroy();
  },
});

async function sendStdin(connection: Connection): Promise<void> {
  for await (const chunk of Bun.stdin.stream()) {
    if (!(await connection.write(chunk))) return;
  }
  connection.end();
}
