// dockyard/registry: our registry as a container, made by the engine itself.
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { TestCertificates } from '../../src/daemon/test-certificates.ts';
import type { ImageInspect } from '../../src/wire/types.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { output, run } from '../support/process.ts';
import { until } from '../support/until.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine({ bridge: true });
}, 60_000);
afterAll(() => engine[Symbol.asyncDispose](), 60_000);

const IMAGE = 'dockyard/registry';

async function official(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await engine.official(...args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
  return stdout.trim();
}

/** As it stands in an image's name. */
async function hostOf(container: string): Promise<string> {
  const { Ports } = (await engine.inspect(container)).NetworkSettings!;
  return `127.0.0.1:${Ports!['5000/tcp']![0]!.HostPort}`;
}

const status = async (url: string) => {
  try {
    return (await fetch(url, { keepalive: false })).status;
  } catch {
    return 0;
  }
};

test('is not there until it is asked for, and always the same', async () => {
  expect(await official('images', '-q', IMAGE)).toBe('');
  expect(await official('pull', IMAGE)).toContain('Loaded the built-in image docker.io/dockyard/registry:latest');
  const { Id, Architecture } = (await engine.api.get(`/images/${IMAGE}/json`)).ok.json<ImageInspect>();
  expect(Architecture).toBe(process.arch === 'x64' ? 'amd64' : 'arm64');
  await official('rmi', IMAGE);
  await official('pull', IMAGE);
  expect((await engine.api.get(`/images/${IMAGE}/json`)).ok.json<ImageInspect>().Id).toBe(Id);
  const refused = await engine.official('pull', `${IMAGE}:2`);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('only as dockyard/registry:latest')]);
});

test('serves what is pushed to it, through a killed daemon and a restart of the container', async () => {
  await official('run', '-d', '--name=registry', '-p=127.0.0.1::5000', IMAGE);
  const host = await hostOf('registry');
  await until(async () => (await status(`http://${host}/v2/`)) === 200, { what: 'the registry in the container' });
  await official('tag', 'busybox', `${host}/team/box:1`);
  await official('push', `${host}/team/box:1`);
  await engine.kill();
  expect(await status(`http://${host}/v2/team/box/manifests/1`)).toBe(200);
  await engine.start();
  await official('rmi', `${host}/team/box:1`);
  await official('restart', 'registry');
  const again = await hostOf('registry');
  await until(async () => (await status(`http://${again}/v2/`)) === 200, { what: 'the registry in the container' });
  expect(await official('run', '--rm', '--network=none', `${again}/team/box:1`, 'echo', 'hello')).toBe('hello');
  const digest = ['inspect', '--tls-verify=false', '--format={{.Digest}}', `docker://${again}/team/box:1`];
  expect(await output(['skopeo', ...digest])).toMatch(/^sha256:/);
  await official('stop', 'registry');
  expect((await engine.inspect('registry')).State!.ExitCode).toBe(0);
  // With it stopped, its space can be given back.
  const gc = ['run', '--rm', '--network=none', '--volumes-from=registry', IMAGE, 'gc', '--delete-untagged'];
  expect(await official(...gc)).toContain('0 manifests');
}, 120_000);

test('takes the options of dockyard registry: users and TLS', async () => {
  const directory = `${engine.roots.base}/registry`;
  mkdirSync(directory);
  const certificates = new TestCertificates(directory);
  certificates.authority('ca');
  certificates.certificate('server', 'ca');
  const hash = await Bun.password.hash('secret', { algorithm: 'bcrypt', cost: 4 });
  writeFileSync(`${directory}/users`, `ana:${hash}\n`);
  const options = ['--htpasswd=/conf/users', '--tls-cert=/conf/server.pem', '--tls-key=/conf/server-key.pem'];
  const args = ['-d', '--name=guarded', '-p=127.0.0.1::5000', `-v=${directory}:/conf:ro`];
  await official('run', ...args, IMAGE, 'serve', '--addr=:5000', ...options);
  const host = await hostOf('guarded');
  const curl = (...more: string[]) =>
    run([
      'curl',
      '-s',
      '-o/dev/null',
      '-w%{http_code}',
      '--cacert',
      `${directory}/ca.pem`,
      ...more,
      `https://${host}/v2/`,
    ]);
  await until(async () => (await curl()).stdout === '401', { what: 'the registry behind TLS' });
  expect((await curl('-uana:secret')).stdout).toBe('200');
  expect((await curl('-uana:wrong')).stdout).toBe('401');
  const wrong = await engine.official('run', '--rm', IMAGE, 'serve', '--htpasswd=/none');
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('/none')]);
}, 120_000);
