// What containers use at the moment: one row per container.
import { shortId } from '../../../lib/ids.ts';
import type { ContainerStatsResponse } from '../../../wire/types.ts';
import type { Listing } from '../listing.ts';
import { bytesSize, humanSize } from '../units.ts';

export interface StatsRow {
  /** As the user gave it. */
  container: string;
  /** The last reading; undefined while there is none, or none any more. */
  reading?: ContainerStatsResponse;
  /** Who it is, as far as some reading has told. */
  known?: Pick<ContainerStatsResponse, 'id' | 'name'>;
  truncate: boolean;
}

const NONE = '--';

const percent = (value: number) => `${value.toFixed(2)}%`;

/** The column's text from the reading; dashes without one. */
const read =
  (text: (reading: ContainerStatsResponse) => string, without = NONE) =>
  ({ reading }: StatsRow) =>
    reading ? text(reading) : without;

export const statsListing: Listing<StatsRow> = {
  type: '*container.statsContext',
  table: ['ID', 'Name', 'CPUPerc', 'MemUsage', 'MemPerc', 'NetIO', 'BlockIO', 'PIDs'],
  columns: {
    Container: { header: 'CONTAINER', value: ({ container }) => container },
    ID: {
      header: 'CONTAINER ID',
      value: ({ known, truncate }) => (truncate ? shortId(known?.id ?? '') : (known?.id ?? '')),
    },
    Name: { header: 'NAME', value: ({ known }) => known?.name?.replace(/^\//, '') || NONE },
    CPUPerc: { header: 'CPU %', value: read(reading => percent(cpuPercent(reading))) },
    MemUsage: { header: 'MEM USAGE / LIMIT', value: read(memoryText, `${NONE} / ${NONE}`) },
    MemPerc: { header: 'MEM %', value: read(reading => percent(memoryPercent(reading))) },
    NetIO: { header: 'NET I/O', value: read(networkText) },
    BlockIO: { header: 'BLOCK I/O', value: read(blockText) },
    PIDs: { header: 'PIDS', value: read(({ pids_stats: pids }) => String(pids?.current ?? 0)) },
  },
};

function cpuPercent({ cpu_stats: now, precpu_stats: before }: ContainerStatsResponse): number {
  const used = (now?.cpu_usage?.total_usage ?? 0) - (before?.cpu_usage?.total_usage ?? 0);
  const possible = (now?.system_cpu_usage ?? 0) - (before?.system_cpu_usage ?? 0);
  const cpus = now?.online_cpus || now?.cpu_usage?.percpu_usage?.length || 0;
  return used > 0 && possible > 0 ? (used / possible) * cpus * 100 : 0;
}

/** Without the files that the kernel may drop at any time. */
function memoryUsed({ memory_stats: memory }: ContainerStatsResponse): number {
  const usage = memory?.usage ?? 0;
  // The first name is that of cgroup v1, the second that of v2.
  const inactive = memory?.stats?.total_inactive_file ?? memory?.stats?.inactive_file ?? 0;
  return inactive < usage ? usage - inactive : usage;
}

function memoryPercent(reading: ContainerStatsResponse): number {
  const limit = reading.memory_stats?.limit ?? 0;
  return limit === 0 ? 0 : (memoryUsed(reading) / limit) * 100;
}

function memoryText(reading: ContainerStatsResponse): string {
  return `${bytesSize(memoryUsed(reading))} / ${bytesSize(reading.memory_stats?.limit ?? 0)}`;
}

function networkText({ networks }: ContainerStatsResponse): string {
  let received = 0;
  let sent = 0;
  for (const { rx_bytes: rx = 0, tx_bytes: tx = 0 } of Object.values(networks ?? {})) {
    received += rx;
    sent += tx;
  }
  return `${humanSize(received, 3)} / ${humanSize(sent, 3)}`;
}

function blockText({ blkio_stats: block }: ContainerStatsResponse): string {
  let reads = 0;
  let writes = 0;
  for (const { op = '', value = 0 } of block?.io_service_bytes_recursive ?? []) {
    if (/^r/i.test(op)) reads += value;
    else if (/^w/i.test(op)) writes += value;
  }
  return `${humanSize(reads, 3)} / ${humanSize(writes, 3)}`;
}
