// The command line as a whole, as far as it gets without an engine.
import { describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { runDocker } from './docker.ts';
import { MemoryOutput } from './framework/output.ts';

async function docker(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out = new MemoryOutput();
  const err = new MemoryOutput();
  const host = args[0] === '-H' ? [] : ['--host', 'unix:///nonexistent/engine.sock'];
  const code = await runDocker([...host, ...args], { out, err });
  return { code, out: out.text, err: err.text };
}

const refused: [string[], number, string][] = [
  [['foo'], 1, "docker: unknown command: docker foo\n\nRun 'docker --help' for more information\n"],
  [
    ['container', 'foo'],
    1,
    "docker: unknown command: docker container foo\n\nUsage:  docker container COMMAND\n\nRun 'docker container --help' for more information\n",
  ],
  [
    ['stop'],
    1,
    "docker: 'docker stop' requires at least 1 argument\n\nUsage:  docker stop [OPTIONS] CONTAINER [CONTAINER...]\n\nSee 'docker stop --help' for more information\n",
  ],
  [
    ['container', 'rename', 'a'],
    1,
    "docker: 'docker container rename' requires 2 arguments\n\nUsage:  docker container rename CONTAINER NEW_NAME\n\nRun 'docker container rename --help' for more information\n",
  ],
  [
    ['ps', 'x'],
    1,
    "docker: 'docker ps' accepts no arguments\n\nUsage:  docker ps [OPTIONS]\n\nRun 'docker ps --help' for more information\n",
  ],
  [
    ['commit', 'a', 'b', 'c'],
    1,
    "docker: 'docker commit' requires at least 1 and at most 2 arguments\n\nUsage:  docker commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]\n\nRun 'docker commit --help' for more information\n",
  ],
  [
    ['run', '--nosuch', 'x'],
    125,
    "unknown flag: --nosuch\n\nUsage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'docker run --help' for more information\n",
  ],
  [
    ['ps', '-Z'],
    125,
    "unknown shorthand flag: 'Z' in -Z\n\nUsage:  docker ps [OPTIONS]\n\nRun 'docker ps --help' for more information\n",
  ],
  [
    ['--nosuch', 'ps'],
    125,
    "unknown flag: --nosuch\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\nRun 'docker --help' for more information\n",
  ],
  [['-l', 'foo', 'ps'], 1, 'Unable to parse logging level: foo\n'],
  [['help', 'foo'], 1, 'unknown help topic: foo\n'],
  [['compose', 'up', '-d'], 1, 'docker compose is not built yet in this version of Dockyard\n'],
  [
    ['start', 'x'],
    1,
    'Cannot connect to the Docker daemon at unix:///nonexistent/engine.sock. Is the docker daemon running?\nError: failed to start containers: x\n',
  ],
  [
    ['run', 'busybox'],
    125,
    "docker: Cannot connect to the Docker daemon at unix:///nonexistent/engine.sock. Is the docker daemon running?\n\nRun 'docker run --help' for more information\n",
  ],
  [['run', '-d', '-a', 'stdout', 'busybox'], 1, 'conflicting options: cannot specify both --attach and --detach\n'],
  [['update', 'x'], 1, 'you must provide one or more flags when using this command\n'],
  [['cp', 'a', 'b'], 1, 'must specify at least one container source\n'],
  [['cp', 'a:b', 'c:d'], 1, 'copying between containers is not supported\n'],
  [['start', '-a', 'x', 'y'], 1, 'you cannot start and attach multiple containers at once\n'],
];

test.each(refused)('docker %p ends with %i', async (args, code, err) => {
  expect(await docker(...args)).toEqual({ code, out: '', err });
});

test('a host that makes no sense', async () => {
  expect(await docker('-H', 'foo://x', 'ps')).toEqual({
    code: 1,
    out: '',
    err: 'Failed to initialize: unable to resolve docker endpoint: invalid bind address format: foo://x\n',
  });
});

describe('help', () => {
  test('of a command: usage, what it does, all its names, its options', async () => {
    const { code, out, err } = await docker('container', 'stop', '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(`Usage:  docker container stop [OPTIONS] CONTAINER [CONTAINER...]

Ask containers to end, and end those that take too long

Aliases:
  docker container stop, docker stop

Options:
  -s, --signal string   Signal to ask with
  -t, --timeout int     Seconds to wait before the kill (-1: for ever)
`);
  });

  test('is the same for `help stop`', async () => {
    expect((await docker('help', 'stop')).out).toBe((await docker('stop', '--help')).out);
  });

  test('of a group and of everything', async () => {
    expect((await docker('container', '--help')).out).toContain('  stop        Ask containers to end');
    expect(await docker('container')).toMatchObject({ code: 0, out: '', err: expect.stringContaining('  stop ') });
    const { code, out } = await docker('--help');
    expect(code).toBe(0);
    expect(out).toContain('Global Options:');
    for (const name of ['run', 'ps', 'container', 'compose']) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  test('no line is too long for a terminal', async () => {
    for (const line of (await docker('run', '--help')).out.split('\n')) expect(line.length).toBeLessThan(100);
  });
});

test('a key of config.json of the wrong kind is told, and as good as none', async () => {
  const directory = mkdtempSync(`${tmpdir()}/dockyard-config-`);
  try {
    writeFileSync(`${directory}/config.json`, '{"psFormat": 5, "currentContext": "nowhere"}');
    const { code, out, err } = await docker('--config', directory, 'context', 'ls', '-q');
    expect({ code, out }).toEqual({ code: 0, out: 'default\n' });
    expect(err).toBe(`WARNING: Error parsing config file (${directory}/config.json): psFormat must be a text\n`);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('what is close to a command is offered', async () => {
  const { code, out, err } = await docker('conatiner', 'ls');
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toContain("docker: unknown command: docker conatiner\n\nDid you mean 'docker container'?\n");
});

test('two hosts are refused', async () => {
  expect(await docker('-H', 'unix:///a', '-H', 'unix:///b', 'ps')).toEqual({
    code: 1,
    out: '',
    err: 'Specify only one -H\n',
  });
});

test('--version before a command is for nobody', async () => {
  expect((await docker('-v')).out).toMatch(/^Docker version /);
  expect((await docker('-v', 'ps')).out).toBe('');
});
