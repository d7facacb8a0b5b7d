import { describe, expect, test } from 'bun:test';
import { closeSync } from 'node:fs';
import { check, libc } from './libc.ts';
import { enlargeSendBuffers, receiveTagged } from './seqpacket.ts';

const { socketpair } = libc({ socketpair: ['i32', 'i32', 'i32', 'ptr'] });
const { send } = libc({ send: ['i32', 'ptr', 'u64', 'i32'] }, 'long');

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const MSG_DONTWAIT = 0x40;

class Pair implements Disposable {
  readonly ours: number;
  readonly theirs: number;
  #open = true;

  constructor() {
    const fds = new Int32Array(2);
    check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 'socketpair', 'AF_UNIX');
    [this.ours, this.theirs] = [fds[0]!, fds[1]!];
  }

  say(tag: number, text: string): void {
    const message = Buffer.concat([Buffer.from([tag]), Buffer.from(text)]);
    check(send(this.theirs, message, message.length, 0), 'send', 'pair');
  }

  hangUp(): void {
    closeSync(this.theirs);
    this.#open = false;
  }

  /** What one call receives, and what it says of the rest. */
  receive(): [string, ...[number, string][]] {
    const runs: [number, string][] = [];
    const left = receiveTagged(this.ours, (tag, data) => runs.push([tag, data.toString()]));
    return [left, ...runs];
  }

  [Symbol.dispose](): void {
    closeSync(this.ours);
    if (this.#open) this.hangUp();
  }
}

describe('messages with a tag', () => {
  test('of the same tag are one run, and runs keep their order', () => {
    using pair = new Pair();
    pair.say(2, 'a');
    pair.say(2, 'x'.repeat(8192));
    pair.say(2, 'b');
    pair.say(3, 'error');
    pair.say(2, 'c');
    expect(pair.receive()).toEqual(['all', [2, `a${'x'.repeat(8192)}b`], [3, 'error'], [2, 'c']]);
    expect(pair.receive()).toEqual(['all']);
  });

  test('are received in turns when there are many', () => {
    using pair = new Pair();
    for (let index = 0; index < 40; index++) pair.say(2, `${index} `);
    const [left, first] = pair.receive();
    expect(left).toBe('some');
    const [, rest] = pair.receive();
    expect(`${first![1]}${rest![1]}`).toBe(Array.from({ length: 40 }, (_, index) => `${index} `).join(''));
  });

  test('that the peer left behind come before its end', () => {
    using pair = new Pair();
    // Not read by the peer: it is told of as a reset, once.
    check(send(pair.ours, Buffer.from('input'), 5, 0), 'send', 'pair');
    pair.say(2, 'last');
    pair.hangUp();
    expect(pair.receive()).toEqual(['ended', [2, 'last']]);
    expect(pair.receive()).toEqual(['ended']);
  });
});

test('a process whose send buffers were enlarged can send more before it has to wait', () => {
  using pair = new Pair();
  const message = Buffer.alloc(8193);
  const fill = () => {
    let count = 0;
    while (send(pair.theirs, message, message.length, MSG_DONTWAIT) > 0) count++;
    return count;
  };
  const before = fill();
  expect(enlargeSendBuffers(process.pid, 1024 * 1024)).toBe(true);
  expect(before + fill()).toBeGreaterThan(2 * before);
});

test('a process that has ended has no send buffers', () => {
  const { pid } = Bun.spawnSync(['true']);
  expect(enlargeSendBuffers(pid, 1024 * 1024)).toBe(false);
});
