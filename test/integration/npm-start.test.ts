// The two commands of the README, as a person types them. In namespaces of their own, so that the machine's default
// socket, /var/lib/docker and network are not the ones that are used.
import { expect, test } from 'bun:test';
import { run } from '../support/process.ts';

const project = new URL('../..', import.meta.url).pathname;

/** Runs a shell script where /run, /var/lib/docker and /var/log are empty, and every process ends with the script. */
function elsewhere(script: string) {
  const hidden = ['/run', '/var/lib/docker', '/var/lib/dockyard', '/var/log'];
  const preparation = [
    'set -e',
    ...hidden.map(path => `mkdir -p ${path}; mount -t tmpfs -o mode=755 tmpfs ${path}`),
    'mkdir /run/lock',
    'ip link set lo up',
    `cd ${project}`,
  ];
  const command = ['unshare', '--mount', '--pid', '--fork', '--mount-proc', '--net', '--kill-child', 'sh', '-c'];
  const environment = {
    ...process.env,
    DOCKER_HOST: undefined,
    DOCKER_CONTEXT: undefined,
    DOCKER_CONFIG: '/run/config',
  };
  return run([...command, [...preparation, script].join('\n')], { environment, within: 120_000 });
}

test('npm start runs hello-world, again reuses the engine; npm stop ends it and containers run on', async () => {
  const ran = await elsewhere(`
    node scripts/start.mjs
    echo "--- again"
    node scripts/start.mjs
    echo "--- used"
    export PATH="$PWD/dist:$PATH"
    docker run -d --network none --name clock busybox sleep 1000 >/dev/null
    pid=$(docker inspect -f '{{.State.Pid}}' clock)
    node scripts/stop.mjs
    kill -0 $pid && echo "clock runs on"
    node scripts/start.mjs >/dev/null
    [ "$(docker inspect -f '{{.State.Pid}}' clock)" = "$pid" ] && echo "same process"
    docker rm -f clock
    node scripts/stop.mjs
    node scripts/stop.mjs
  `);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  const [first, again, used] = ran.stdout.split(/--- \w+\n/);
  expect(first).toContain('Starting the engine on /var/run/docker.sock');
  expect(first).toContain('Hello from Dockyard!');
  expect(first).toContain(`export PATH="${project}dist:$PATH"`);
  expect(again).toContain('The engine is running on /var/run/docker.sock');
  expect(again).toContain('Hello from Dockyard!');
  expect(used!.trim().split('\n')).toEqual([
    'The engine on /var/run/docker.sock has ended.',
    '1 container runs on; `npm start` finds them again.',
    'clock runs on',
    'same process',
    'clock',
    'The engine on /var/run/docker.sock has ended.',
    'No engine of ours is running.',
  ]);
});
