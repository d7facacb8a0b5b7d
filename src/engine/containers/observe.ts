// Looking at a running container: its processes, what it uses, what it said.
import { conflict, invalid } from '../../lib/errors.ts';
import { pidsIn } from '../../runtime/cgroups/control.ts';
import { readNetworkStats, readStats } from '../../runtime/cgroups/stats.ts';
import { processTable } from '../../runtime/top.ts';
import type { ContainerStatsResponse, ContainerTopResponse } from '../../wire/types.ts';
import type { LogQuery } from '../logs/log-driver.ts';
import type { Output } from '../output.ts';
import { cgroupOf } from './cgroup.ts';
import { type ContainerContext, publish } from './context.ts';
import type { LiveContainer } from './live.ts';
import { requireRunning } from './record.ts';

export async function top(
  context: ContainerContext,
  live: LiveContainer,
  psArguments: string,
): Promise<ContainerTopResponse> {
  const { record } = live;
  requireRunning(record);
  const table = await processTable(pidsIn(cgroupOf(context, record)), psArguments);
  publish(context, record, 'top');
  return table;
}

const STATS_INTERVAL = 1000;
const NEVER = '0001-01-01T00:00:00Z';

export async function* stats(
  context: ContainerContext,
  live: LiveContainer,
  options: { stream: boolean; oneShot: boolean; signal: AbortSignal },
): AsyncGenerator<ContainerStatsResponse> {
  const { record } = live;
  if (options.stream && options.oneShot) throw invalid('cannot have stream=true and one-shot=true');
  let before: ContainerStatsResponse | undefined;
  // Without one-shot the first answer already has something to compare with.
  if (!options.oneShot && !options.stream && record.phase.kind === 'running') {
    before = sample(context, live, undefined);
    await Bun.sleep(STATS_INTERVAL);
  }
  for (;;) {
    if (options.signal.aborted) return;
    const current = sample(context, live, before);
    yield current;
    if (!options.stream || context.store.get(record.id) !== record) return;
    before = current;
    await Bun.sleep(STATS_INTERVAL);
  }
}

function sample(
  context: ContainerContext,
  live: LiveContainer,
  before: ContainerStatsResponse | undefined,
): ContainerStatsResponse {
  const { record } = live;
  const identity = { id: record.id, name: `/${record.name}`, os_type: record.image.os };
  if (record.phase.kind !== 'running') {
    return { ...identity, read: NEVER, preread: NEVER, num_procs: 0, storage_stats: {}, ...nothingUsed() };
  }
  const own = !record.hostConfig.NetworkMode?.startsWith('container:') && record.hostConfig.NetworkMode !== 'host';
  const networks = own ? readNetworkStats(record.phase.pid) : undefined;
  return {
    ...identity,
    read: new Date().toISOString(),
    preread: before?.read ?? NEVER,
    precpu_stats: before?.cpu_stats ?? noTimeUsed(),
    num_procs: 0,
    storage_stats: {},
    ...readStats(cgroupOf(context, record), context.host.memory),
    ...(hasAny(networks) ? { networks } : {}),
  };
}

const hasAny = (entries: object | undefined) => entries !== undefined && Object.keys(entries).length > 0;

/** Clients subtract one sample from another without asking whether there was one. */
const noTimeUsed = () => ({
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
});

const nothingUsed = () => ({
  cpu_stats: noTimeUsed(),
  precpu_stats: noTimeUsed(),
  memory_stats: {},
  pids_stats: {},
  blkio_stats: {
    io_service_bytes_recursive: [],
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  },
});

export function logs(live: LiveContainer, query: LogQuery): { tty: boolean; output: Output } {
  if (!query.stdout && !query.stderr) throw invalid('Bad parameters: you must choose at least one stream');
  if (live.record.phase.kind === 'dead')
    throw conflict('can not get logs from container which is dead or marked for removal');
  return { tty: live.record.config.Tty === true, output: live.log.read(query) };
}
