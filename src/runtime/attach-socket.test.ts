import { expect, test } from 'bun:test';
import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { check, libc } from '../kernel/libc.ts';
import { AttachSocket } from './attach-socket.ts';
import { attachSocketName } from './conmon.ts';

const { accept, bind, listen, socket } = libc({
  accept: ['i32', 'ptr', 'ptr'],
  bind: ['i32', 'ptr', 'u32'],
  listen: ['i32', 'i32'],
  socket: ['i32', 'i32', 'i32'],
});
const { send } = libc({ send: ['i32', 'ptr', 'u64', 'i32'] }, 'long');

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const STDOUT = 2;

/** conmon's end of the connection. */
class Conmon implements AsyncDisposable {
  readonly #directory = mkdtempSync(`${tmpdir()}/attach-`);
  readonly #listener = check(socket(AF_UNIX, SOCK_SEQPACKET, 0), 'socket', 'AF_UNIX');
  #connection = -1;
  output = '';
  closed = false;
  attached!: AttachSocket;

  static async start(): Promise<Conmon> {
    const conmon = new Conmon();
    await conmon.#connect();
    return conmon;
  }

  async #connect(): Promise<void> {
    const address = Buffer.alloc(110);
    address.writeUInt16LE(AF_UNIX, 0);
    const length = address.write(`${this.#directory}/${attachSocketName}`, 2);
    check(bind(this.#listener, address, 2 + length + 1), 'bind', this.#directory);
    check(listen(this.#listener, 1), 'listen', this.#directory);
    this.attached = await AttachSocket.connect(this.#directory, {
      onOutput: (_stream, data) => {
        this.output += Buffer.from(data).toString();
      },
      onClose: () => {
        this.closed = true;
      },
    });
    this.#connection = check(accept(this.#listener, null, null), 'accept', this.#directory);
  }

  say(text: string): void {
    const message = Buffer.from(`${String.fromCharCode(STDOUT)}${text}`);
    check(send(this.#connection, message, message.length, 0), 'send', 'connection');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.attached.close();
    closeSync(this.#connection);
    closeSync(this.#listener);
    rmSync(this.#directory, { recursive: true });
  }
}

test('a connection that is complete ends with what was sent, although conmon is still there', async () => {
  await using conmon = await Conmon.start();
  for (let index = 0; index < 40; index++) conmon.say(`${index} `);
  conmon.attached.complete();
  expect(conmon.output).toBe(Array.from({ length: 40 }, (_, index) => `${index} `).join(''));
  expect(conmon.closed).toBe(true);
});

test('one that is paused ends when somebody has taken the rest', async () => {
  await using conmon = await Conmon.start();
  conmon.attached.pause();
  conmon.say('late');
  conmon.attached.complete();
  expect(conmon.closed).toBe(false);
  conmon.attached.resume();
  expect(conmon.output).toBe('late');
  expect(conmon.closed).toBe(true);
});

test('one that is not complete stays open when there is nothing more', async () => {
  await using conmon = await Conmon.start();
  conmon.attached.pause();
  conmon.say('so far');
  conmon.attached.resume();
  expect(conmon.output).toBe('so far');
  expect(conmon.closed).toBe(false);
});
