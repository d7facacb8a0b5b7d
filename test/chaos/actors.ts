// The cast. Each is about one promise.
import { isDeepStrictEqual } from 'node:util';
import { demultiplex } from '../support/frames.ts';
import { until } from '../support/until.ts';
import { type Actor, type Stage, Subject } from './actor.ts';

type Casting = (stage: Stage, name: string) => Actor;

function expectThat(condition: boolean, complaint: string): void {
  if (!condition) throw new Error(complaint);
}

/** A container that runs, runs on: the same process, whatever happens to the daemon, and whatever is asked about it. */
const runner: Casting = (stage, name) => {
  const subject = new Subject(stage, name, { Cmd: ['sleep', '100000'] });
  let rounds = 0;
  return {
    name,
    async act() {
      if (!subject.created) await subject.create();
      if (!subject.started) await subject.start();
      subject.pid ??= (await subject.inspect())?.State.Pid;
      for (let i = 0; i < 20; i++) {
        const said = await execute(subject, `echo ${name} ${i}`);
        expectThat(said === `${name} ${i}\n`, `exec in ${name} said ${JSON.stringify(said)}`);
      }
    },
    async check() {
      await subject.recover();
      const state = (await subject.inspect())!.State;
      expectThat(state.Running, `${name} does not run: ${JSON.stringify(state)}, had pid ${subject.pid}`);
      subject.pid ??= state.Pid;
      expectThat(state.Pid === subject.pid, `${name} has pid ${state.Pid}, and had ${subject.pid}`);
      process.kill(state.Pid, 0);
      expectThat((await execute(subject, 'echo still here')) === 'still here\n', `exec in ${name} fails`);
      if (++rounds < 3) return false;
      await subject.remove();
      return true;
    },
  };
};

async function execute({ stage, path }: Subject, script: string): Promise<string> {
  const { api } = stage.engine;
  const request = { AttachStdout: true, AttachStderr: true, Cmd: ['sh', '-c', script] };
  const { Id } = (await api.post(`${path}/exec`, request)).ok.json<{ Id: string }>();
  const answer = (await api.post(`/exec/${Id}/start`, { Detach: false, Tty: false })).ok;
  return demultiplex(answer.bytes).stdout;
}

/** Every line is there, once, in order; and the exit code. The lines go on while the daemon is down. */
const writer: Casting = (stage, name) => {
  const { random } = stage;
  const lines = random.between(1, 3000);
  const code = random.between(0, 120);
  const pause = random.pick(['', `[ $((i % 100)) = 0 ] && sleep 0.0${random.between(1, 9)};`]);
  const script = `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo line $i; ${pause} done; exit ${code}`;
  const driver = random.pick(['local', 'json-file']);
  const HostConfig = { LogConfig: { Type: driver, Config: {} } };
  const subject = new Subject(stage, name, { Cmd: ['sh', '-c', script], HostConfig });
  const expected = Array.from({ length: lines }, (_, index) => `line ${index + 1}\n`).join('');
  let followed = '';
  return {
    name: `${name} (${lines} lines, ${driver})`,
    async act() {
      if (!subject.created) await subject.create();
      if (!subject.started) await subject.start();
      const answer = await stage.engine.api.open('GET', `${subject.path}/logs?stdout=1&follow=1`);
      followed = await readAsFarAsPossible(answer);
    },
    async check() {
      await subject.recover();
      expectThat(expected.startsWith(followed), `following ${name} was wrong: ${difference(followed, expected)}`);
      const status = await subject.wait();
      expectThat(status === code, `${name} ended with ${status} instead of ${code}`);
      const said = demultiplex((await subject.logs()).ok.bytes).stdout;
      expectThat(said === expected, `the log of ${name}: ${difference(said, expected)}`);
      await subject.remove();
      return true;
    },
  };
};

async function readAsFarAsPossible(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of response.body!) pieces.push(piece);
  } catch {
    // The daemon was killed: what came until then counts.
  }
  return demultiplex(Buffer.concat(pieces)).stdout;
}

function difference(actual: string, expected: string): string {
  const [have, want] = [actual.split('\n'), expected.split('\n')];
  const at = have.findIndex((line, index) => line !== want[index]);
  const context = (all: string[]) => JSON.stringify(all.slice(Math.max(0, at - 2), at + 3));
  return `${have.length - 1} of ${want.length - 1} lines; differs at ${at}: ${context(have)} for ${context(want)}`;
}

/** A restart policy goes on counting where it was. */
const restarter: Casting = (stage, name) => {
  const HostConfig = { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } };
  const subject = new Subject(stage, name, { Cmd: ['sh', '-c', 'echo up; sleep 0.1; exit 3'], HostConfig });
  const killsBefore = stage.kills;
  return {
    name,
    async act() {
      await subject.create();
      await subject.start();
    },
    async check() {
      await subject.recover();
      let found: Awaited<ReturnType<Subject['inspect']>>;
      const final = await until(
        async () => {
          found = await subject.inspect();
          return found?.State.Status === 'exited' && found.RestartCount === 3 ? found : undefined;
        },
        { what: () => `${name} to give up after 3 restarts; it is ${Bun.inspect(found)}` },
      );
      expectThat(final.State.ExitCode === 3, `${name} ended with ${final.State.ExitCode}`);
      const starts = demultiplex((await subject.logs()).ok.bytes).stdout.split('up\n').length - 1;
      // A kill between counting a start and making it may cost one, or count one twice.
      const slack = stage.kills - killsBefore;
      expectThat(Math.abs(starts - 4) <= slack, `${name} was started ${starts} times`);
      await subject.remove();
      return true;
    },
  };
};

/** `always` brings a container back, also one that ended while nobody was there to see it. */
const phoenix: Casting = (stage, name) => {
  const HostConfig = { RestartPolicy: { Name: 'always' } };
  const subject = new Subject(stage, name, { Cmd: ['sh', '-c', `sleep 0.${stage.random.between(1, 4)}`], HostConfig });
  return {
    name,
    async act() {
      await subject.create();
      await subject.start();
    },
    async check() {
      await subject.recover();
      const before = (await subject.inspect())!;
      await until(async () => (await subject.inspect())!.RestartCount > before.RestartCount, {
        what: `${name} to be started again`,
      });
      await subject.remove();
      return true;
    },
  };
};

/** A stop that was confirmed is a stop, with the exit code of a kill; one that was not can be asked for again. */
const stopper: Casting = (stage, name) => {
  const HostConfig = { RestartPolicy: { Name: stage.random.pick(['no', 'unless-stopped']) } };
  const subject = new Subject(stage, name, { Cmd: ['sleep', '100000'], HostConfig });
  let stopped = false;
  return {
    name: `${name} (restart ${HostConfig.RestartPolicy.Name})`,
    async act() {
      await subject.create();
      await subject.start();
      (await stage.engine.api.post(`${subject.path}/stop?t=0`)).ok;
      stopped = true;
    },
    async check() {
      await subject.recover();
      const before = (await subject.inspect())!.State;
      if (stopped) expectThat(!before.Running, `${name} was stopped, and runs again`);
      (await stage.engine.api.post(`${subject.path}/stop?t=0`)).ok;
      const after = (await subject.inspect())!.State;
      expectThat(after.Status === 'exited', `${name} was stopped, and is ${after.Status}`);
      expectThat(after.ExitCode === 137, `${name} was killed, and ended with ${after.ExitCode}`);
      await subject.remove();
      return true;
    },
  };
};

/** A pause that was confirmed lasts, nothing else is paused; and a commit, which pauses for a while, leaves nobody frozen. */
const pauser: Casting = (stage, name) => {
  const subject = new Subject(stage, name, { Cmd: ['sleep', '100000'] });
  const { engine } = stage;
  let paused: boolean | undefined = false;
  return {
    name,
    async act() {
      await subject.create();
      await subject.start();
      for (;;) {
        (await engine.api.post(`/commit?container=${name}&repo=${name}`)).ok;
        for (const verb of ['pause', 'unpause']) {
          paused = undefined;
          (await engine.api.post(`${subject.path}/${verb}`)).ok;
          paused = verb === 'pause';
        }
      }
    },
    async check() {
      await subject.recover();
      const { Status } = (await subject.inspect())!.State;
      if (paused !== undefined) expectThat((Status === 'paused') === paused, `${name} is ${Status}, paused: ${paused}`);
      if (Status === 'paused') (await engine.api.post(`${subject.path}/unpause`)).ok;
      expectThat((await execute(subject, 'echo awake')) === 'awake\n', `exec in ${name} fails`);
      await subject.remove();
      return true;
    },
  };
};

/** A removal is done, or not done; and the name is free again. */
const remover: Casting = (stage, name) => {
  const subject = new Subject(stage, name, { Cmd: ['sleep', '100000'], Volumes: { '/data': {} } });
  let removed = false;
  return {
    name,
    async act() {
      await subject.create();
      await subject.start();
      (await stage.engine.api.delete(`${subject.path}?force=1&v=1`)).ok;
      removed = true;
    },
    async check() {
      if (removed) expectThat((await subject.inspect()) === undefined, `${name} was removed, and is there`);
      await subject.remove();
      const again = new Subject(stage, name, { Cmd: ['true'] });
      await again.create();
      await again.remove();
      return true;
    },
  };
};

/** A client that is attached when the daemon dies gets an end: soon, and not a success. Its container runs on. */
const attached: Casting = (stage, name) => {
  const HostConfig = { AutoRemove: true };
  const subject = new Subject(stage, name, { Cmd: ['sleep', '100000'], HostConfig });
  let code: number | undefined;
  return {
    name,
    async act() {
      const flags = ['--rm', '--network', 'none', '--name', name, ...stage.random.pick([[], ['-i'], ['-t']])];
      const client = stage.engine.spawn(['run', ...flags, 'busybox', 'sh', '-c', 'echo ready; sleep 100000']);
      const output = client.stdout.text();
      code = await client.exited;
      subject.started = (await output).startsWith('ready');
    },
    async check() {
      expectThat(code !== undefined && code !== 0, `the client of ${name} ended with ${code}`);
      const found = await subject.inspect();
      if (subject.started) expectThat(found?.State.Running === true, `${name} ran, and is ${found?.State.Status}`);
      await subject.remove();
      return true;
    },
  };
};

/** `--rm` holds, also for a container that ends while the daemon is down. */
const ephemeral: Casting = (stage, name) => {
  const HostConfig = { AutoRemove: true };
  const Cmd = ['sleep', `0.${stage.random.between(0, 6)}`];
  const subject = new Subject(stage, name, { Cmd, HostConfig, Volumes: { '/data': {} } });
  return {
    name,
    async act() {
      await subject.create();
      await subject.start();
    },
    async check() {
      const found = await subject.inspect();
      if (found?.State.Status === 'created') {
        expectThat(!subject.started, `${name} was started, and never ran`);
        await subject.remove();
      }
      await until(async () => (await subject.inspect()) === undefined, { what: `${name} to go by itself` });
      return true;
    },
  };
};

/** What is written to a volume is there, and an anonymous one goes with its container. */
const keeper: Casting = (stage, name) => {
  const volume = `${name}-data`;
  const HostConfig = { Binds: [`${volume}:/data`] };
  const script = 'echo kept > /data/file; sync; echo done';
  const subject = new Subject(stage, name, { Cmd: ['sh', '-c', script], HostConfig });
  return {
    name,
    async act() {
      await subject.create();
      await subject.start();
    },
    async check() {
      await subject.recover();
      expectThat((await subject.wait()) === 0, `${name} failed`);
      const told = demultiplex((await subject.logs()).ok.bytes).stdout;
      expectThat(told === 'done\n', `${name} ended well, but said ${JSON.stringify(told)}`);
      await subject.remove();
      const reader = new Subject(stage, `${name}-reader`, { Cmd: ['cat', '/data/file'], HostConfig });
      await reader.recover();
      await reader.wait();
      const said = demultiplex((await reader.logs()).ok.bytes);
      expectThat(isDeepStrictEqual(said, { stdout: 'kept\n', stderr: '' }), `${name} reads ${JSON.stringify(said)}`);
      await reader.remove();
      (await stage.engine.api.delete(`/volumes/${volume}`)).ok;
      return true;
    },
  };
};

export const cast: Readonly<Record<string, Casting>> = {
  runner,
  writer,
  restarter,
  phoenix,
  stopper,
  pauser,
  remover,
  attached,
  ephemeral,
  keeper,
};
