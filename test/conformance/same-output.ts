// What two clients print for the same commands, side by side. Also a program of its own, for any engine:
//
//   bun test/conformance/same-output.ts unix:///var/run/docker.sock [command words...]
import { type Ran, run } from '../support/process.ts';
import { officialClients, ourClient } from '../support/programs.ts';

/** Commands that change nothing. What they show is made by the test, or is there anyway. */
export const commands: readonly (readonly string[])[] = [
  ...['', '-a', '-q', '-aq', '--no-trunc', '-as', '-l', '-n 1', '-aq --no-trunc'].map(flags => words(`ps ${flags}`)),
  ['ps', '-a', '--filter', 'name=one'],
  ['ps', '-a', '--filter', 'label=who=two', '--format', '{{.Names}}'],
  ['ps', '--filter', 'nonsense'],
  ['ps', '--filter', 'status=nonsense'],
  ['ps', 'argument'],
  ['ps', '--nonsense'],
  ['ps', '-a', '--format', 'json'],
  ['ps', '-a', '--format', 'raw'],
  ['ps', '-aq', '--format', 'raw'],
  ['ps', '-a', '--format', 'table'],
  ['ps', '-a', '--format', 'table {{.Names}}\\t{{.Status}}\\t{{.Label "who"}}\\t{{.Ports}}'],
  ['ps', '-a', '--format', 'table {{upper .Names}}\\t{{pad .ID 2 2}}'],
  ['ps', '-a', '--format', '{{.ID}} {{.Image}} {{.Command}} {{.CreatedAt}} {{.State}} {{.Labels}} {{.LocalVolumes}}'],
  ['ps', '-a', '--format', '{{.Nonsense}}'],
  ['ps', '-a', '--format', '{{.Names'],
  ['container', 'ls', '-a', '--format', '{{join (split .Names "") "-"}}'],
  ...['', '-a', '-q', '--no-trunc', '--digests', 'busybox', 'nonsense', 'ls'].map(flags => words(`images ${flags}`)),
  ['images', '--format', 'json'],
  ['images', '--format', 'raw'],
  ['images', '--format', 'table {{.Repository}}\\t{{.Size}}', 'busybox'],
  ['images', '--filter', 'reference=busy*'],
  ['images', '--filter', 'nonsense=x'],
  ['history', 'busybox'],
  ['history', '--no-trunc', '-H=false', 'busybox'],
  ['history', 'nonsense'],
  ['image', 'inspect', 'busybox'],
  ['image', 'inspect', 'nonsense'],
  ['image', 'inspect', '-f', '{{.Config.Cmd}} {{.RootFS.Type}} {{.Os}}/{{.Architecture}}', 'busybox'],
  ['network', 'ls'],
  ['network', 'ls', '--no-trunc', '--format', '{{.Name}} {{.ID}} {{.Driver}} {{.CreatedAt}}'],
  ['network', 'ls', '--format', 'json'],
  ['network', 'inspect', 'none', 'host'],
  ['network', 'inspect', '-f', '{{.Name}} {{.Driver}} {{.Internal}} {{.Options}}', 'none', 'nonsense'],
  ['volume', 'ls'],
  ['volume', 'ls', '-q', '--filter', 'label=kept'],
  ['volume', 'ls', '--format', 'table {{.Name}}\\t{{.Label "kept"}}\\t{{.Mountpoint}}'],
  ['volume', 'ls', '--filter', 'nonsense=x'],
  ['volume', 'inspect', 'kept-volume'],
  ['volume', 'inspect', '-f', '{{json .Labels}} {{.Options}} {{.Scope}}', 'kept-volume', 'nonsense'],
  ['inspect', 'one', 'busybox', 'kept-volume', 'none'],
  ['inspect', 'one', 'nonsense', 'two'],
  ['inspect', '--type', 'volume', 'one'],
  ['inspect', '--type', 'nonsense', 'one'],
  ['inspect', '-f', '{{.State}}', 'one'],
  ['inspect', '-f', '{{.Nonsense}}', 'one'],
  ['inspect', '-f', '{{.Name', 'one'],
  ...[
    '{{.State.Running}} {{.State.StartedAt}} {{.RestartCount}} {{.Platform}}',
    '{{.State.Status}} {{.State.ExitCode}} {{.Id}} {{.Name}}',
    '{{json .State}}',
    '{{json .Config.Labels}} {{index .Config.Labels "who"}} {{.Config.Labels.nonsense}}',
    '{{.Config.Cmd}} {{.Config.Env}} {{.Config.Entrypoint}}',
    '{{.HostConfig.RestartPolicy}} {{.HostConfig.NetworkMode}} {{.HostConfig.Memory}} {{.HostConfig.Binds}}',
    '{{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}}{{end}}',
    '{{range $name, $network := .NetworkSettings.Networks}}{{$name}}{{end}}',
    '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}',
    '{{.State.Health.Status}}',
    '{{printf "%.12s|%-8s|%05d" .Id .State.Status .State.ExitCode}}',
    '{{len .Mounts}} {{slice .Id 0 4}} {{eq .State.ExitCode 7}}',
  ].map(template => ['inspect', '-f', template, 'one', 'two']),
  ['port', 'two'],
  ['diff', 'one'],
  ['events', '--since', '1h', '--until', '0s', '--filter', 'container=one', '--format', '{{.Type}} {{.Action}}'],
  ['events', '--since', '1h', '--until', '0s', '--filter', 'volume=kept-volume'],
  ['events', '--format', '{{.Nonsense}}'],
  ['events', '--since', 'nonsense'],
  ['version', '--format', '{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}} {{.Server.APIVersion}}'],
  ['version', '--format', '{{.Nonsense}}'],
  ['version', '--format', '{{range .Server.Components}}{{.Name}} {{.Version}}{{end}}'],
  [
    'info',
    '--format',
    '{{.ServerVersion}} {{.Driver}} {{.CgroupDriver}} {{.NCPU}} {{.MemTotal}} {{json .SecurityOptions}}',
  ],
  ['info', '--format', '{{.Nonsense}}'],
  ['system', 'df'],
  ['system', 'df', '--format', 'json'],
  ['system', 'df', '-v'],
  ['logs', 'one'],
  ['logs', 'nonsense'],
  ['top', 'one'],
  ['rm', 'nonsense'],
  ['rmi', 'nonsense'],
  ['volume', 'rm', 'nonsense'],
  ['network', 'rm', 'nonsense'],
  ['network', 'rm', 'host'],
  ['tag', 'nonsense', 'other'],
  ['inspect', '--type', 'container', 'one', 'two', '-f', '{{.Name}}'],
  ['inspect', '--type', 'image', 'one'],
  ['inspect', '--type', 'network', 'none', '-f', '{{.Name}}'],
  ['inspect', '-s', '-f', '{{.SizeRw}}', 'one'],
  ['inspect', '/one', '-f', '{{.Name}}'],
  ['stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', 'one', 'two'],
  ['stats', '--no-stream', 'nonsense'],
  ['top', 'two', '-o', 'comm'],
  ['port', 'nonsense'],
  ['wait', 'nonsense'],
  ['logs', '--since', 'nonsense', 'one'],
  ['context', 'ls', '--format', '{{.Name}} {{.Current}} {{.DockerEndpoint}}'],
  ['context', 'inspect', 'nonsense'],
  ['system', 'df', '--format', 'table {{.Type}}\\t{{.TotalCount}}'],
  ['events', '--since', '1s', '--until', '0s', '--filter', 'nonsense=x'],
  // As scripts ask whose variable is empty.
  ...['stop', 'start', 'logs', 'kill', 'pause', 'restart', 'wait', 'top', 'port', 'attach', 'inspect', 'export'].map(
    verb => [verb, ''],
  ),
  ['volume', 'rm', ''],
  ['network', 'rm', ''],
  ['volume', 'inspect', ''],
  ['volume', 'prune', '-f', '--filter', 'label=nonsense'],
  ['image', 'prune', '-f', '--filter', 'label=nonsense'],
  ['container', 'prune', '-f', '--filter', 'label=nonsense'],
  ['network', 'prune', '-f', '--filter', 'label=nonsense'],
];

function words(text: string): string[] {
  return text.split(' ').filter(Boolean);
}

export interface Comparison {
  theirs: Ran;
  ours: Ran;
}

/** Times show in lists ("3 seconds ago"): when one client runs in the next second, a new attempt settles it. */
const ATTEMPTS = 4;

export async function compare(
  args: readonly string[],
  theirClient: string,
  environment: Record<string, string | undefined>,
): Promise<Comparison> {
  for (let attempt = 1; ; attempt++) {
    const [theirs, ours] = await Promise.all([
      run([theirClient, ...args], { environment }),
      run([...ourClient, ...args], { environment }),
    ]);
    if (attempt === ATTEMPTS || Bun.deepEquals(theirs, ours)) return { theirs, ours };
  }
}

/** The newest of Docker's clients that prints as current ones do; what was tried if there is none. */
export async function currentClient(): Promise<{ path?: string; reason: string }> {
  const newest = officialClients.at(-1)!;
  if (!(await Bun.file(newest).exists())) return { reason: `${newest} is not here` };
  const { stdout } = await run([newest, '--version']);
  const major = Number(/version (\d+)/.exec(stdout)?.[1] ?? 0);
  if (major < 28) return { reason: `${stdout.trim()} prints in other forms: version 28 or newer is needed` };
  return { path: newest, reason: '' };
}

if (import.meta.main) {
  const [host, ...rest] = process.argv.slice(2);
  const { path, reason } = await currentClient();
  if (path === undefined) throw new Error(reason);
  const environment = { ...process.env, ...(host && { DOCKER_HOST: host }) };
  let different = 0;
  for (const args of rest.length > 0 ? [rest] : commands) {
    const { theirs, ours } = await compare(args, path, environment);
    if (Bun.deepEquals(theirs, ours)) continue;
    different++;
    console.log(`docker ${args.join(' ')}\n  theirs: ${JSON.stringify(theirs)}\n  ours:   ${JSON.stringify(ours)}`);
  }
  console.log(`${different} different`);
  process.exitCode = different > 0 ? 1 : 0;
}
