// An engine on another machine: `ssh host docker system dial-stdio` is the connection.
import { errnoOf } from '../lib/errors.ts';
import { Queue } from '../lib/queue.ts';
import type { ByteSource } from '../lib/streams.ts';
import type { Address } from './endpoint.ts';
import { ConnectionError } from './errors.ts';
import type { Connection } from './transport.ts';

export function sshCommand(address: Address & { kind: 'ssh' }): string[] {
  const { destination, port, user, socketPath } = address;
  return [
    'ssh',
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', port]),
    '-o',
    'ConnectTimeout=30',
    '-T',
    '--',
    destination,
    'docker',
    ...(socketPath === undefined ? [] : ['--host', `unix://${socketPath}`]),
    'system',
    'dial-stdio',
  ];
}

export async function dialSsh(address: Address & { kind: 'ssh' }): Promise<Connection> {
  const command = sshCommand(address);
  if (!Bun.which('ssh')) throw new ConnectionError('the host needs ssh, and there is no ssh in the PATH');
  return new ChildConnection(command);
}

function endedEarly(error: unknown): false {
  if (errnoOf(error) !== 'EPIPE') throw error;
  return false;
}

/** A child's stdin and stdout as a connection. The child ends with it. */
class ChildConnection implements Connection {
  readonly closed: Promise<void>;
  readonly #command: string[];
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'pipe'>;
  readonly #incoming = new Queue<Uint8Array>(chunk => chunk.length);
  #isClosed = false;
  #spoke = false;

  constructor(command: string[]) {
    this.#command = command;
    this.#child = Bun.spawn(command, { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
    const complaint = new Response(this.#child.stderr).text();
    void this.#read(complaint);
    this.closed = this.#child.exited.then(() => {
      this.#isClosed = true;
    });
  }

  async #read(complaint: Promise<string>): Promise<void> {
    for await (const chunk of this.#child.stdout) {
      this.#spoke = true;
      this.#incoming.push(chunk);
      // Stops reading while nobody takes: the pipe fills, and the other machine waits.
      if (this.#incoming.size > 1024 * 1024) {
        await new Promise<void>(resolve => this.#incoming.onDrain(resolve));
      }
    }
    const code = await this.#child.exited;
    const failed = !this.#spoke && code !== 0;
    const why = `command [${this.#command.join(' ')}] has exited with exit status ${code}`;
    this.#incoming.end(failed ? new ConnectionError(`${why}: ${(await complaint).trim()}`) : undefined);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get input(): ByteSource {
    return this.#incoming;
  }

  takeAll(): Promise<Uint8Array[]> {
    return this.#incoming.takeAll();
  }

  /** A child that has ended takes nothing more: what it said last, not the broken pipe, tells why. */
  async write(chunk: Uint8Array): Promise<boolean> {
    if (this.#isClosed) return false;
    try {
      this.#child.stdin.write(chunk);
      await this.#child.stdin.flush();
      return !this.#isClosed;
    } catch (error) {
      return endedEarly(error);
    }
  }

  end(): void {
    this.#end().catch(endedEarly);
  }

  async #end(): Promise<void> {
    await this.#child.stdin.end();
  }

  destroy(): void {
    this.#child.kill();
  }
}
