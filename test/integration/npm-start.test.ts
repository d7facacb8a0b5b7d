// The two commands of the README, as a person types them. In namespaces of their own, so that the machine's default
// socket, /var/lib/docker and network are not the ones that are used.
import { expect, test } from 'bun:test';
import { run } from '../support/process.ts';
import { officialClients, officialDaemon } from '../support/programs.ts';

const project = new URL('../..', import.meta.url).pathname;

/** Runs a shell script where /run, /var/lib/docker and /var/log are empty, and every process ends with the script. */
function elsewhere(script: string) {
  const hidden = ['/run', '/var/lib/docker', '/var/lib/dockyard', '/var/lib/dockyard-beside', '/var/log'];
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

test('hello-world comes back without any registry, also for those who removed it', async () => {
  const ran = await elsewhere(`
    node scripts/start.mjs >/dev/null
    PATH="$PWD/dist:$PATH"
    docker rmi hello-world
    node scripts/start.mjs
    node scripts/stop.mjs
  `);
  expect(ran.stderr).toContain('this image is built in');
  expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('Hello from Dockyard!') });
});

test("beside Docker's own engine, npm start leaves that alone and says where ours is", async () => {
  const { path, environment } = officialDaemon;
  const ran = await elsewhere(`
    mkdir -p /run/theirs
    ( export PATH="${environment.PATH}" LD_LIBRARY_PATH="${environment.LD_LIBRARY_PATH ?? ''}"
      exec ${path} --bridge=none --iptables=false --data-root /run/theirs/data --exec-root /run/theirs/exec \
        --cgroup-parent /dockyard-test-theirs >/run/theirs/log 2>&1 ) &
    theirs="${officialClients[0]} -H unix:///var/run/docker.sock"
    for i in $(seq 100); do $theirs info >/dev/null 2>&1 && break; sleep 0.1; done
    node scripts/start.mjs
    echo "--- ours"
    eval "$(node scripts/start.mjs | grep '^  export ')"
    docker version --format '{{.Server.Platform.Name}}'
    node scripts/stop.mjs
    echo "--- theirs"
    $theirs images -q
    $theirs info --format '{{.Name}}' >/dev/null && echo "still there"
  `);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  const [first, ours, theirs] = ran.stdout.split(/--- \w+\n/);
  expect(first).toContain('Another engine listens on /var/run/docker.sock; it is left alone');
  expect(first).toContain('Hello from Dockyard!');
  expect(ours).toBe('Dockyard\nThe engine on /run/dockyard-beside/docker.sock has ended.\n');
  expect(theirs).toBe('still there\n');
});

test('several clients that find no engine start one together', async () => {
  const ran = await elsewhere(`
    PATH="$PWD/dist:$PATH"
    for i in 1 2 3 4; do docker version --format '{{.Server.Platform.Name}}' 2>&1 & done
    wait
    kill $(cat /run/docker.pid)
  `);
  const lines = ran.stdout.trim().split('\n').sort();
  expect(ran.code).toBe(0);
  expect(lines.slice(0, 4)).toEqual(Array(4).fill('Dockyard'));
  expect(lines.slice(4)).toEqual([expect.stringMatching(/^No engine is running: starting dockerd/)]);
});
