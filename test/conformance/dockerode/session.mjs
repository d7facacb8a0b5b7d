// What a Node program does with containers, by dockerode: each step prints its name; the first failure ends it.
// DOCKER_SOCKET names the engine.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import Docker from 'dockerode';

const docker = new Docker({ socketPath: process.env.DOCKER_SOCKET });
const NONE = { NetworkMode: 'none' };

async function step(name, body) {
  await body();
  console.log(name);
}

async function text(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** Both streams of a multiplexed one, as text. */
async function both(container, stream) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  container.modem.demuxStream(stream, stdout, stderr);
  stream.on('end', () => {
    stdout.end();
    stderr.end();
  });
  return Promise.all([text(stdout), text(stderr)]);
}

await step('ping, version, info', async () => {
  assert.equal((await docker.ping()).toString(), 'OK');
  assert.equal((await docker.version()).Os, 'linux');
  assert.equal((await docker.info()).OSType, 'linux');
});

await step('run with output into a stream', async () => {
  const output = new PassThrough();
  const [result, container] = await docker.run('busybox', ['echo', 'hello'], output, { HostConfig: NONE });
  assert.equal(result.StatusCode, 0);
  output.end();
  assert.match(await text(output), /hello/);
  await container.remove();
});

await step('attach before start, both streams, wait', async () => {
  const Cmd = ['sh', '-c', 'echo out; echo err >&2; exit 4'];
  const container = await docker.createContainer({ Image: 'busybox', Cmd, HostConfig: NONE });
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  const said = both(container, stream);
  await container.start();
  assert.deepEqual(await said, ['out\n', 'err\n']);
  assert.equal((await container.wait()).StatusCode, 4);
  await container.remove();
});

await step('stdin over a hijacked connection, half-closed', async () => {
  const container = await docker.createContainer({
    Image: 'busybox',
    Cmd: ['wc', '-c'],
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    HostConfig: NONE,
  });
  const stream = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
  const said = both(container, stream);
  await container.start();
  stream.write(Buffer.alloc(1_000_000, 'x'));
  stream.end();
  assert.equal((await said)[0].trim(), '1000000');
  await container.wait();
  await container.remove();
});

await step('exec, plain and with a terminal', async () => {
  const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig: NONE });
  await container.start();
  const plain = await container.exec({ Cmd: ['sh', '-c', 'cat; exit 9'], AttachStdin: true, AttachStdout: true });
  const stream = await plain.start({ hijack: true, stdin: true });
  const said = both(container, stream);
  stream.end('typed');
  assert.equal((await said)[0], 'typed');
  assert.equal((await plain.inspect()).ExitCode, 9);
  const terminal = await container.exec({ Cmd: ['tty'], AttachStdout: true, Tty: true });
  assert.match(await text(await terminal.start({ Tty: true })), /^\/dev\/pts\/\d+\r\n$/);
  await container.remove({ force: true });
});

await step('logs at once and followed', async () => {
  const Cmd = ['sh', '-c', 'echo 1; sleep 0.2; echo 2'];
  const container = await docker.createContainer({ Image: 'busybox', Cmd, HostConfig: NONE });
  await container.start();
  const followed = await container.logs({ follow: true, stdout: true, stderr: true });
  assert.deepEqual(await both(container, followed), ['1\n2\n', '']);
  const all = await container.logs({ stdout: true, timestamps: true });
  assert.match(all.toString(), /Z 1\n/);
  await container.remove();
});

await step('archives in and out', async () => {
  const container = await docker.createContainer({ Image: 'busybox', Cmd: ['true'], HostConfig: NONE });
  const archive = await text(await container.getArchive({ path: '/etc/passwd' }));
  assert.match(archive, /root:x:0:0/);
  await container.remove();
});

await step('events as they happen', async () => {
  const events = await docker.getEvents({ filters: { type: ['container'], event: ['create'] } });
  const first = once(events, 'data');
  const container = await docker.createContainer({ Image: 'busybox', Cmd: ['true'], HostConfig: NONE });
  const event = JSON.parse((await first)[0].toString());
  assert.equal(event.Actor.ID, container.id);
  events.destroy();
  await container.remove();
});

await step('stats as a stream', async () => {
  const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig: NONE });
  await container.start();
  const stats = await container.stats({ stream: true });
  const [piece] = await once(stats, 'data');
  assert.ok(JSON.parse(piece.toString()).memory_stats.usage > 0);
  stats.destroy();
  await container.remove({ force: true });
});

await step('volumes, lists, errors', async () => {
  await docker.createVolume({ Name: 'node-made' });
  assert.deepEqual((await docker.listVolumes({ filters: { name: ['node-made'] } })).Volumes.length, 1);
  await docker.getVolume('node-made').remove();
  assert.deepEqual(await docker.listContainers({ all: true }), []);
  assert.ok((await docker.listImages()).some(image => image.RepoTags?.includes('busybox:latest')));
  await assert.rejects(docker.getContainer('nobody').inspect(), error => {
    return error.statusCode === 404 && /No such container: nobody/.test(error.message);
  });
});
