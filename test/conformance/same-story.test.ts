// Short stories, told to Docker's client and to ours, on our engine and on Docker's: each line prints the same and ends with
// the same exit code, and where one client complains the other does. (Wording of complaints is compared in same-output.)
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { startEngine } from '../support/engine.ts';
import { startOfficialEngine } from '../support/official-engine.ts';
import { type Ran, run } from '../support/process.ts';
import { ourClient } from '../support/programs.ts';
import { currentClient } from './same-output.ts';

/** `$D` is `docker`; containers are called `story...`, and are gone before the next story. */
const stories: Record<string, readonly string[]> = {
  'exit codes of run': [
    '$D run --rm busybox true',
    "$D run --rm busybox sh -c 'exit 7'",
    "$D run --rm busybox sh -c 'kill -9 $$'",
    '$D run --rm busybox nosuch',
    '$D run --rm busybox /etc',
    '$D run --rm --pull never nosuch true',
    '$D run --pull sometimes busybox true',
    '$D run --nosuch busybox',
    '$D run --rm busybox echo --rm -it -- x',
    '$D run --rm -- busybox echo y',
    '$D run --rm busybox -x',
  ],
  'streams of run': [
    'echo in | $D run --rm -i busybox cat',
    'echo in | $D run --rm busybox cat',
    'echo in | $D run --rm -a stdin -a stdout -i busybox cat',
    'echo in | $D run --rm -a stdin -i busybox cat',
    "$D run --rm -a stderr busybox sh -c 'echo out; echo err >&2'",
    "$D run --rm -t busybox sh -c 'tty; echo a'",
    'echo in | $D run --rm -it busybox cat',
    '$D run -d -a stdout busybox true',
  ],
  'files of run': [
    String.raw`printf 'A=1\n# c\n\nB=two words\nUSER\nNOSUCHVAR\n' >env; printf 'x=1\ny\n' >labels`,
    "USER=me FOO=bar $D run --rm --env-file env -e D=4 -e FOO -e NOSUCH busybox sh -c 'env | grep -v PATH | sort | grep =' | grep -v HOSTNAME",
    '$D create --name story --label-file labels --label z=9 --cidfile cid busybox | wc -c; wc -c <cid',
    "$D inspect -f '{{json .Config.Labels}}' story",
    '$D run --cidfile cid busybox true',
    '$D run --rm --cidfile other busybox nosuch; ls',
    '$D run --rm --env-file nosuch busybox env',
    `$D run --rm --mount '"type=tmpfs","dst=/a,b"' busybox ls -d /a,b`,
    '$D run --rm -v "$PWD:/x" -w /x -u "$(id -u):$(id -g)" busybox sh -c "pwd; id -u; ls"',
  ],
  "in the host's network": [
    "$D run --rm --network host busybox sh -c 'cat /etc/hosts; hostname; cat /etc/hostname'",
    "$D run --rm --network host --hostname hh busybox sh -c 'cat /etc/hosts; hostname; cat /etc/hostname'",
    // Docker has changed how it writes fe00::0.
    "$D run --rm --network host --add-host x:1.2.3.4 busybox sh -c 'grep -v ^f.00: /etc/hosts; hostname'",
    "$D run -d --network host --name story busybox sleep 1000 >/dev/null; $D inspect -f '{{.Config.Hostname}} {{.HostConfig.UTSMode}}' story",
    '$D run --rm --network container:story busybox cat /etc/hosts',
  ],
  'start, wait, attach, exec': [
    '$D create -i --name story1 busybox cat >/dev/null; echo hello | $D start -a -i story1',
    '$D start -a story1 story1',
    '$D start nosuch story1',
    '$D attach story1',
    "$D run -d --name story2 busybox sh -c 'sleep 1; exit 3' >/dev/null; $D wait story2 nosuch story2",
    '$D run -d --name story3 busybox sleep 1000 >/dev/null; $D exec story3 nosuch',
    "$D exec -e A=b -w /tmp -u 1 story3 sh -c 'echo $A; pwd; id -u; exit 5'",
    'echo in | $D exec -i story3 cat',
    '$D pause story3; $D pause story3; $D exec story3 true',
    '$D unpause story3; $D kill -s NOPE story3; $D stop -t 0 story3 nosuch; $D kill story3',
    "$D ps -aq --filter name=story3 | wc -l; $D ps -l --format '{{.Names}}'; $D ps -n 1 --format '{{.Names}}'",
    '$D rename story3 story4; $D rename story4 story1; $D rm story4 nosuch; $D rm -f nosuch',
  ],
  logs: [
    "$D run --name story --label x=y --log-opt labels=x busybox sh -c 'echo one; echo two; echo three'",
    '$D logs story; $D logs -n 1 story; $D logs --tail 0 story; $D logs --tail -5 story; $D logs -f story',
    "$D logs -t story | sed 's/^[^ ]* //'; $D logs --details story; $D logs --since 1h --until 1h story",
    '$D logs --since nonsense story',
    '$D logs nosuch',
  ],
  cp: [
    '$D create --name story busybox >/dev/null; mkdir -p d/sub; echo 1 >d/x; echo 2 >d/sub/y; ln -s d/x l',
    '$D cp d story:/1; $D cp d story:/1; $D cp d/. story:/2; $D cp d/. story:/2; $D cp d/ story:/3',
    '$D cp story:/1 - | tar t | sort; $D cp story:/2 - | tar t | sort; $D cp story:/3/. - | tar t | sort',
    '$D cp l story:/l1; $D cp -L l story:/l2; $D cp story:/l2 - | tar xO; $D cp story:/l1 - | tar tv | cut -c1',
    'tar c d | $D cp - story:/tmp; $D cp story:/tmp/d - | tar t | sort; echo junk | $D cp - story:/tmp',
    '$D cp d/x story:/nosuch/',
    '$D cp d/x/ story:/9',
    '$D cp d story:/1/x',
    '$D cp d/x story:',
    '$D cp story:/1/x nosuch/; $D cp story:/nosuch .; $D cp nosuch story:/; $D cp d/x nosuch:/',
    '$D cp story:/1 out; find out | sort; $D cp story:/1/. out; find out | sort; $D cp story:/1 d/x',
  ],
  images: [
    '$D tag busybox story/a:1; $D tag busybox story/a:2; $D images story/a --format "{{.Repository}}:{{.Tag}}"',
    '$D create --name story story/a:1 >/dev/null; $D rmi story/a:2 story/a:3; $D tag nosuch story/x; $D tag busybox A/B',
    '$D save -o a.tar story/a:1; $D save nosuch; $D rmi -f story/a:1; $D images -q story/a | wc -l',
    '$D load -q -i a.tar; $D load -i nosuch; echo junk | $D load; $D rmi story/a:1',
    'mkdir r; echo hi >r/f; tar c -C r . | $D import -m note -c "CMD [\\"/x\\"]" -c "ENV A=b" - story/i:1 | cut -c1-7',
    "$D inspect -f '{{.Config.Cmd}} {{.Config.Env}} {{.Comment}}' story/i:1; $D history --format '{{.Comment}} {{.Size}}' story/i:1",
    '$D rmi story/i:1 | cut -c1-16',
  ],
  'volumes and networks': [
    '$D volume create story1; $D volume create story1; $D volume create --label a=b story2; $D volume rm nosuch story1',
    '$D create --name story -v story2:/x busybox >/dev/null; $D volume rm story2; $D volume rm -f nosuch; $D volume ls -q --filter label=a',
    '$D rm -v story; $D volume rm story2',
    "$D network create ''; $D network create --subnet bad story; $D network create --gateway 10.1.1.1 story",
    '$D network rm nosuch; $D network rm -f nosuch; $D network inspect nosuch; $D network connect nosuch nosuch',
  ],
  'what is wrong with the command line': [
    '$D',
    '$D network >out; wc -c <out',
    '$D nosuch',
    '$D ps --nosuch',
    '$D ps -aqZ',
    '$D ps x',
    '$D stop',
    '$D -v ps -q',
    '$D --log-level bad ps',
    '$D -H unix:///nosuch ps',
    '$D --context nosuch ps',
    '$D help nosuch',
  ].map(line => `${line} | head -c 7`),
};

/** What differs from one run to the next. */
function settled(text: string, directory: string): string {
  return text
    .replaceAll(directory, '<dir>')
    .replace(/\b[0-9a-f]{64}\b/g, '<id>')
    .replace(/\b[0-9a-f]{12}\b/g, '<id>');
}

type Told = { line: string; stdout: string; code: number; complains: boolean }[];

class Teller implements Disposable {
  readonly #directory = mkdtempSync(`${tmpdir()}/dockyard-story-`);
  readonly #client: string;

  constructor(
    client: readonly string[],
    private readonly environment: Record<string, string | undefined>,
  ) {
    mkdirSync(`${this.#directory}/home`);
    this.#client = `${this.#directory}/home/docker`;
    if (client.length === 1) symlinkSync(client[0]!, this.#client);
    else writeFileSync(this.#client, `#!/bin/sh\nexec ${client.join(' ')} "$@"\n`, { mode: 0o755 });
  }

  async tell(story: readonly string[]): Promise<Told> {
    const cwd = `${this.#directory}/work`;
    mkdirSync(cwd);
    const told: Told = [];
    for (const line of story) {
      const { stdout, stderr, code } = await this.#shell(line, cwd);
      told.push({ line, stdout: settled(stdout, cwd), code, complains: stderr !== '' });
    }
    await this.#shell(
      "$D ps -aq --filter name=story | xargs -r $D rm -fv; $D images -q 'story/*' | xargs -r $D rmi -f; $D network rm story",
      cwd,
    );
    rmSync(cwd, { recursive: true });
    return told;
  }

  #shell(line: string, cwd: string): Promise<Ran> {
    const environment = { ...this.environment, D: this.#client, DOCKER_CONFIG: `${this.#directory}/home` };
    return run(['sh', '-c', line], { cwd, environment });
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }
}

const engines = { 'our engine': startEngine, "Docker's engine": startOfficialEngine } as const;
/** Both clients in one version, where each would choose its own. */
const version = { 'our engine': '1.50', "Docker's engine": undefined } as const;

const { path: client, reason } = await currentClient();
if (client === undefined) test.skip(`told to Docker's client, too (${reason})`, () => undefined);

for (const name of client === undefined ? [] : (Object.keys(engines) as (keyof typeof engines)[])) {
  describe(`on ${name}`, () => {
    let engine: Awaited<ReturnType<(typeof engines)[typeof name]>>;
    beforeAll(async () => {
      engine = await engines[name]();
    }, 60_000);
    afterAll(() => engine?.[Symbol.asyncDispose](), 60_000);

    for (const [title, story] of Object.entries(stories)) {
      test(title, async () => {
        const environment = { ...engine.clientEnvironment(), DOCKER_API_VERSION: version[name] };
        using theirs = new Teller([client!], environment);
        using ours = new Teller(ourClient, environment);
        expect(await ours.tell(story)).toEqual(await theirs.tell(story));
      }, 120_000);
    }
  });
}
