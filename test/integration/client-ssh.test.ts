// `docker -H ssh://...`: the connection is a program called ssh, which here only pretends to go anywhere.
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { type RunOptions, run } from '../support/process.ts';
import { ourClient } from '../support/programs.ts';

let engine: TestEngine;
let programs: string;

beforeAll(async () => {
  engine = await startEngine();
  programs = mkdtempSync(`${tmpdir()}/dockyard-ssh-`);
  // What stands after the host is the remote command; the remote docker is our own, with its default engine.
  program('ssh', `echo "$@" >>${programs}/calls; while [ "$1" != -- ]; do shift; done; shift 2; exec sh -c "$*"`);
  program('docker', `DOCKER_HOST=${engine.host} exec ${ourClient.join(' ')} "$@"`);
}, 60_000);
afterAll(async () => {
  rmSync(programs, { recursive: true });
  await engine[Symbol.asyncDispose]();
}, 60_000);

function program(name: string, script: string): void {
  writeFileSync(`${programs}/${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(`${programs}/${name}`, 0o755);
}

const docker = (args: string[], options: RunOptions = {}, path = programs) =>
  run([...ourClient, ...args], {
    environment: { ...process.env, DOCKER_HOST: undefined, PATH: `${path}:${process.env['PATH']}` },
    ...options,
  });

test('goes to the host, port and user of the URL', async () => {
  const { stdout } = await docker(['-H', 'ssh://me@there:2222', 'version', '--format', '{{.Server.Os}}']);
  expect(stdout).toBe('linux\n');
  expect(readFileSync(`${programs}/calls`, 'utf8')).toBe(
    '-l me -p 2222 -o ConnectTimeout=30 -T -- there docker system dial-stdio\n',
  );
});

test('a path names the socket over there', async () => {
  const ran = await docker(['-H', `ssh://there${engine.socket}`, 'version', '--format', '{{.Server.Os}}']);
  expect(ran).toEqual({ code: 0, stdout: 'linux\n', stderr: '' });
  expect(readFileSync(`${programs}/calls`, 'utf8')).toContain(`docker --host ${engine.host} system dial-stdio`);
});

test('carries streams both ways, with their ends, and exit codes', async () => {
  const input = Buffer.alloc(300_000, 'some input\n').toString();
  const cat = await docker(['-H', 'ssh://there', 'run', '--rm', '-i', 'busybox', 'cat'], { input });
  expect(cat).toEqual({ code: 0, stdout: input, stderr: '' });
  expect((await docker(['-H', 'ssh://there', 'run', '--rm', 'busybox', 'sh', '-c', 'exit 9'])).code).toBe(9);
});

test('what ssh says is why it failed', async () => {
  const failing = mkdtempSync(`${tmpdir()}/dockyard-ssh-`);
  writeFileSync(`${failing}/ssh`, '#!/bin/sh\necho "me@there: Permission denied (publickey)." >&2\nexit 255\n', {
    mode: 0o755,
  });
  try {
    const { code, stdout, stderr } = await docker(['-H', 'ssh://me@there', 'ps'], {}, failing);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^command \[ssh .*\] has exited with exit status 255: me@there: Permission denied \(publickey\)\.\n$/,
    );
  } finally {
    rmSync(failing, { recursive: true });
  }
});
