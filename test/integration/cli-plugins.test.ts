// Programs that add commands to `docker`, as people have them in ~/.docker/cli-plugins.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { run } from '../support/process.ts';
import { ourClient } from '../support/programs.ts';
import { until } from '../support/until.ts';

let home: string;

beforeAll(() => {
  home = mkdtempSync(`${tmpdir()}/dockyard-plugins-`);
  plugin('foo', `echo "$# $@"; echo oops >&2; cat; exit 7`);
  plugin('compose', 'echo compose here');
  plugin('ps', 'echo never');
  plugin('waits', `trap 'echo told; exit 3' TERM; touch ${home}/ready; while :; do sleep 0.05; done`);
  write('garbled', 'echo garbage');
  write('old', `echo '{"SchemaVersion":"9","Vendor":"v"}'`);
  write('nobody', `echo '{"SchemaVersion":"0.1.0"}'`);
  write('broken', 'exit 3');
  write('locked', 'exit 0', 0o644);
});
afterAll(() => rmSync(home, { recursive: true }));

function write(name: string, script: string, mode = 0o755): void {
  const directory = `${home}/.docker/cli-plugins`;
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/docker-${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(`${directory}/docker-${name}`, mode);
}

function plugin(name: string, script: string): void {
  const metadata = { SchemaVersion: '0.1.0', Vendor: 'Somebody', Version: 'v1.2', ShortDescription: `Does ${name}` };
  write(name, `[ "$1" = docker-cli-plugin-metadata ] && echo '${JSON.stringify(metadata)}' && exit 0\n${script}`);
}

const environment = () => ({
  ...process.env,
  HOME: home,
  DOCKER_CONFIG: undefined,
  DOCKER_HOST: `unix://${home}/no.sock`,
});

const docker = (args: string[], input?: string) => run([...ourClient, ...args], { environment: environment(), input });

test('gets the whole command line, our streams, and decides the exit code', async () => {
  const ran = await docker(['-D', 'foo', 'up', '--detach', '-x', 'two words'], 'typed');
  expect(ran).toEqual({ code: 7, stdout: '6 -D foo up --detach -x two words\ntyped', stderr: 'oops\n' });
});

test('answers for its own help', async () => {
  expect((await docker(['foo', '--help'], '')).stdout).toBe('2 foo --help\n');
  expect((await docker(['help', 'foo'], '')).stdout).toBe('2 help foo\n');
});

test('brings what we have not built, and never replaces what we have', async () => {
  expect((await docker(['compose', 'up'])).stdout).toBe('compose here\n');
  expect((await docker(['ps'])).stdout).not.toContain('never');
});

test('is told of signals, and ends before we do', async () => {
  const child = Bun.spawn([...ourClient, 'waits'], { env: environment(), stdin: 'ignore' });
  await until(() => Bun.file(`${home}/ready`).exists());
  child.kill('SIGTERM');
  expect(await child.exited).toBe(3);
  expect(await child.stdout.text()).toBe('told\n');
});

test.each([
  ['garbled', /invalid metadata/],
  ['old', /plugin SchemaVersion "9" is not valid, must be 0.1.0/],
  ['nobody', /does not define a vendor/],
  ['broken', /failed to fetch metadata: exit status 3/],
  ['locked', /fork\/exec .*docker-locked: permission denied/],
])('%s is not run, and told why', async (name, why) => {
  const { code, stderr, stdout } = await docker([name]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(why);
});

describe('is listed', () => {
  test('by --help', async () => {
    const { stdout } = await docker(['--help']);
    expect(stdout).toContain('\nPlugins:\n  compose*    Does compose\n  foo*        Does foo\n');
    expect(stdout).toMatch(
      /\nInvalid Plugins:\n {2}broken .*\n {2}garbled .*\n {2}locked .*\n {2}nobody .*\n {2}old .*\n {2}ps .*duplicates/,
    );
    expect(stdout.split('Not built yet:')[1]).not.toContain('compose');
  });

  test('by info', async () => {
    const format = '{{range .ClientInfo.Plugins}}{{.Name}} {{end}}';
    expect((await docker(['info', '--format', format])).stdout).toContain('compose foo garbled');
    expect((await docker(['info'])).stdout).toContain(
      `  foo: Does foo (Somebody)\n    Version:  v1.2\n    Path:     ${home}/.docker/cli-plugins/docker-foo\n`,
    );
  });

  test('by completion, which it answers itself from there on', async () => {
    expect((await docker(['__complete', 'fo'])).stdout).toContain('foo\tDoes foo\n');
    expect((await docker(['__complete', 'foo', 'u'], '')).stdout).toBe('3 __complete foo u\n');
  });
});

describe('is the builder by an alias in config.json', () => {
  const config = (content: object) => writeFileSync(`${home}/.docker/config.json`, JSON.stringify(content));
  afterAll(() => rmSync(`${home}/.docker/config.json`));
  beforeAll(() => {
    plugin('buildx', 'echo "$@"');
    config({ aliases: { builder: 'buildx' } });
  });

  test.each([
    [['build', '-t', 'x', '.'], 'buildx build -t x .'],
    [['-D', 'image', 'build', '.'], '-D buildx build .'],
    [['builder', 'ls'], 'buildx ls'],
    [['build', '--help'], 'buildx build --help'],
  ])('for %p', async (args, expected) => {
    expect(await docker(args)).toEqual({ code: 0, stdout: `${expected}\n`, stderr: '' });
  });

  test('unless DOCKER_BUILDKIT=0 says otherwise', async () => {
    const ran = await run([...ourClient, 'build', '.'], { environment: { ...environment(), DOCKER_BUILDKIT: '0' } });
    expect(ran.stdout).toBe('');
    expect(ran.code).not.toBe(0);
  });

  test.each([
    [{ builder: 'nothere' }, 'makes the plugin nothere the builder, which is missing'],
    [{ builder: 'ps' }, 'not allowed to alias with builtin "ps" as target'],
    [{ b: 'buildx' }, 'not allowed to alias "b" (allowed: builder)'],
  ])('but not by %p', async (aliases, message) => {
    config({ aliases });
    const { code, stderr } = await docker(['build', '.']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message) });
  });
});

test('lies in the folders that config.json names, too', async () => {
  mkdirSync(`${home}/more`);
  write('moved', '');
  const more = `${home}/more/docker-moved`;
  writeFileSync(more, `#!/bin/sh\necho '{"SchemaVersion":"0.1.0","Vendor":"v"}'\n`, { mode: 0o755 });
  writeFileSync(`${home}/.docker/config.json`, JSON.stringify({ cliPluginsExtraDirs: [`${home}/more`] }));
  const format = '{{range .ClientInfo.Plugins}}{{if eq .Name "moved"}}{{.Path}} {{.ShadowedPaths}}{{end}}{{end}}';
  const { stdout } = await docker(['info', '--format', format]);
  expect(stdout).toContain(`${more} [${home}/.docker/cli-plugins/docker-moved]`);
  rmSync(`${home}/.docker/config.json`);
});
