// `docker inspect`: the record and the kernel's view of it, in the shape of the API.
import { apparmorProfile } from '../../runtime/apparmor.ts';
import type { ContainerInspectResponse, ContainerState } from '../../wire/types.ts';
import { shownMount } from '../volumes/mount-points.ts';
import { type ContainerContext, pathsOf } from './context.ts';
import type { LiveContainer } from './live.ts';
import { type ContainerRecord, statusOf, ZERO_TIME } from './record.ts';
import { shownConfig, shownHostConfig } from './shown-config.ts';

export async function inspectContainer(
  context: ContainerContext,
  live: LiveContainer,
  options: { size: boolean },
): Promise<ContainerInspectResponse> {
  const { record } = live;
  const paths = pathsOf(context, record);
  const usage = options.size ? await context.snapshots.usage(record.id) : undefined;
  const execIds = [...live.execs.values()].filter(exec => exec.phase.kind !== 'exited').map(exec => exec.id);
  // They are made at the first start.
  const hasEtcFiles = record.startedAt !== ZERO_TIME;
  return {
    Id: record.id,
    Created: record.created,
    Path: record.path,
    Args: record.args,
    State: stateOf(record),
    Image: record.image.id,
    ResolvConfPath: hasEtcFiles ? paths.resolvConf : '',
    HostnamePath: hasEtcFiles ? paths.hostname : '',
    HostsPath: hasEtcFiles ? paths.hosts : '',
    LogPath: live.log.path,
    Name: `/${record.name}`,
    RestartCount: record.restartCount,
    Driver: 'overlayfs',
    Platform: record.image.os,
    ...(record.image.manifest ? { ImageManifestDescriptor: record.image.manifest } : {}),
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: apparmorProfile(record.hostConfig, context.host, context.apparmorProfile()) ?? '',
    ExecIDs: execIds.length > 0 ? execIds : null,
    HostConfig: shownHostConfig({ ...record.hostConfig, Links: shownLinks(context, record) }),
    Storage: { RootFS: { Snapshot: { Name: 'overlayfs' } } },
    ...(usage ? { SizeRw: usage.writable, SizeRootFs: usage.total } : {}),
    Mounts: record.mounts.map(shownMount),
    Config: shownConfig(record.config),
    NetworkSettings: context.networks.settings(record.id),
  };
}

/** "/container:/this one/alias" */
function shownLinks(context: ContainerContext, { name, hostConfig }: ContainerRecord): string[] | undefined {
  return hostConfig.Links?.map(link => {
    const [target = '', alias = target] = link.split(':');
    const linked = context.store.find(target)?.name ?? target;
    return `/${linked}:/${name}/${alias.split('/').pop()}`;
  });
}

function stateOf(record: ContainerRecord): ContainerState {
  const { phase } = record;
  const running = phase.kind === 'running';
  return {
    Status: statusOf(record),
    // A container between two runs counts as running, as clients know it.
    Running: running || phase.kind === 'restarting',
    Paused: running && phase.paused,
    Restarting: phase.kind === 'restarting',
    OOMKilled: record.oomKilled,
    Dead: phase.kind === 'dead',
    Pid: running ? phase.pid : 0,
    ExitCode: record.exitCode,
    Error: record.error,
    StartedAt: record.startedAt,
    FinishedAt: record.finishedAt,
    ...(record.health ? { Health: record.health } : {}),
  };
}
