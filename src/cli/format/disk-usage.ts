// `docker system df`: how much each kind of thing takes, and how much of it could go.
import type { DiskUsage } from '../../client/system.ts';
import { type Column, formatTable, type ListingType } from './listing.ts';
import { buildCacheListing, compareRecords } from './lists/build-cache.ts';
import { containerListing } from './lists/containers.ts';
import { firstRow, imageListing } from './lists/images.ts';
import { volumeListing } from './lists/volumes.ts';
import { humanSize } from './units.ts';

interface UsageRow {
  /** Go's name of the row's type. */
  goType: string;
  kind: string;
  total: number;
  active: number;
  size: number;
  reclaimable: number;
  /** Builds don't say how much of the whole it is. */
  percent?: boolean;
}

const columns: Record<string, Column<UsageRow>> = {
  Type: { header: 'TYPE', value: row => row.kind },
  TotalCount: { header: 'TOTAL', value: row => String(row.total) },
  Active: { header: 'ACTIVE', value: row => String(row.active) },
  Size: { header: 'SIZE', value: row => humanSize(row.size) },
  Reclaimable: { header: 'RECLAIMABLE', value: reclaimableText },
};

const usageListing: ListingType<UsageRow> = { type: '', columns };
const table = Object.keys(columns);
const raw = `type: {{.Type}}
total: {{.TotalCount}}
active: {{.Active}}
size: {{.Size}}
reclaimable: {{.Reclaimable}}
`;

function reclaimableText({ reclaimable, size, percent = true }: UsageRow): string {
  const text = humanSize(reclaimable);
  return percent && size > 0 ? `${text} (${Math.trunc((reclaimable * 100) / size)}%)` : text;
}

export async function usageText(usage: DiskUsage, format: string): Promise<string> {
  const rows = usageRows(usage);
  if (format === '' || format === 'table') return formatTable(usageListing, rows, table);
  const { headerValue, RowTemplate, rowValue } = await import('./row-template.ts');
  const template = new RowTemplate(headerValue(usageListing), format === 'raw' ? raw : format);
  return template.render(rows.map(row => rowValue({ ...usageListing, type: row.goType }, row)));
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

function usageRows(usage: DiskUsage): UsageRow[] {
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = (usage.Volumes ?? []).map(({ UsageData: data }) => ({
    size: Math.max(0, data?.Size ?? 0),
    links: data?.RefCount ?? 0,
  }));
  const cache = usage.BuildCache ?? [];
  const layers = usage.LayersSize ?? 0;
  const used = images.filter(image => image.Containers !== 0 && image.Size !== -1 && image.SharedSize !== -1);
  const isActive = (state: string | undefined) => state === 'running' || state === 'paused' || state === 'restarting';
  const active = containers.filter(container => isActive(container.State));
  const ownSize = (list: typeof containers) => sum(list.map(container => container.SizeRw ?? 0));
  const cacheSize = sum(cache.filter(record => !record.Shared).map(record => record.Size ?? 0));
  const cacheInUse = sum(cache.filter(record => record.InUse && !record.Shared).map(record => record.Size ?? 0));
  return [
    {
      goType: '*formatter.diskUsageImagesContext',
      kind: 'Images',
      total: images.length,
      active: images.filter(image => image.Containers > 0).length,
      size: layers,
      reclaimable: layers - sum(used.map(image => image.Size - image.SharedSize)),
    },
    {
      goType: '*formatter.diskUsageContainersContext',
      kind: 'Containers',
      total: containers.length,
      active: active.length,
      size: ownSize(containers),
      reclaimable: ownSize(containers) - ownSize(active),
    },
    {
      goType: '*formatter.diskUsageVolumesContext',
      kind: 'Local Volumes',
      total: volumes.length,
      active: volumes.filter(volume => volume.links > 0).length,
      size: sum(volumes.map(volume => volume.size)),
      reclaimable: sum(volumes.filter(volume => volume.links === 0).map(volume => volume.size)),
    },
    {
      goType: '*formatter.diskUsageBuilderContext',
      kind: 'Build Cache',
      total: cache.length,
      active: cache.filter(record => record.InUse).length,
      size: cacheSize,
      reclaimable: cacheSize - cacheInUse,
      percent: false,
    },
  ];
}

const imageColumns = ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size', 'SharedSize', 'UniqueSize', 'Containers'];
const containerColumns = ['ID', 'Image', 'Command', 'LocalVolumes', 'Size', 'RunningFor', 'Status', 'Names'];
const volumeColumns = ['Name', 'Links', 'Size'];
const cacheColumns = ['ID', 'CacheType', 'Size', 'CreatedSince', 'LastUsedSince', 'UsageCount', 'Shared'];

function verboseRows(usage: DiskUsage, truncate: boolean) {
  return {
    images: (usage.Images ?? []).flatMap(image => firstRow(image, truncate) ?? []),
    // The size of the image below it is not the container's.
    containers: (usage.Containers ?? []).map(container => ({ container: { ...container, SizeRootFs: 0 }, truncate })),
    volumes: usage.Volumes ?? [],
    cache: (usage.BuildCache ?? []).toSorted(compareRecords).map(record => ({ record, truncate })),
  };
}

/** Each image, container, volume and cache record. */
export async function verboseText(usage: DiskUsage, format: string): Promise<string> {
  const rows = verboseRows(usage, format === '' || format.startsWith('table'));
  if (format !== '' && format !== 'table') return verboseTemplate(rows, format);
  const cacheSize = sum((usage.BuildCache ?? []).filter(record => !record.Shared).map(record => record.Size ?? 0));
  return [
    `Images space usage:\n\n${formatTable(imageListing, rows.images, imageColumns)}`,
    `Containers space usage:\n\n${formatTable(containerListing, rows.containers, containerColumns)}`,
    `Local Volumes space usage:\n\n${formatTable(volumeListing, rows.volumes, volumeColumns)}`,
    `Build cache usage: ${humanSize(cacheSize)}\n\n${formatTable(buildCacheListing, rows.cache, cacheColumns)}`,
  ].join('\n');
}

async function verboseTemplate(rows: ReturnType<typeof verboseRows>, format: string): Promise<string> {
  const [{ rowValue, templateParsingError }, { Template }, { TemplateError }, { GoSlice, GoStruct }] =
    await Promise.all([
      import('./row-template.ts'),
      import('./template/template.ts'),
      import('./template/errors.ts'),
      import('./template/values.ts'),
    ]);
  const list = <Row>(type: ListingType<Row>, items: readonly Row[]) =>
    new GoSlice(items.map(item => rowValue(type, item)));
  const value = new GoStruct('*formatter.diskUsageContext', [
    { name: 'Images', json: 'Images', value: list(imageListing, rows.images) },
    { name: 'Containers', json: 'Containers', value: list(containerListing, rows.containers) },
    { name: 'Volumes', json: 'Volumes', value: list(volumeListing, rows.volumes) },
    { name: 'BuildCache', json: 'BuildCache', value: list(buildCacheListing, rows.cache) },
  ]);
  const named = { raw: verboseRaw(), json: '{{json .}}' }[format] ?? format;
  const source = named
    .replace(/^table/, '')
    .trim()
    .replaceAll('\\t', '\t')
    .replaceAll('\\n', '\n');
  let template: InstanceType<typeof Template>;
  try {
    template = new Template(source);
  } catch (error) {
    throw error instanceof TemplateError ? templateParsingError(error) : error;
  }
  return template.execute(value);
}

function verboseRaw(): string {
  const part = (name: string, kind: string, listing: { raw?: string }) =>
    `{{range .${name}}}type: ${kind}\n${listing.raw ?? ''}\n{{end -}}\n`;
  return (
    part('Images', 'Image', { raw: imageListing.raw?.replace('image_id', 'digest: {{.Digest}}\nimage_id') }) +
    part('Containers', 'Container', { raw: `${containerListing.raw}size: {{.Size}}\\n` }) +
    part('Volumes', 'Volume', volumeListing) +
    part('BuildCache', 'Build Cache', buildCacheListing).trimEnd()
  );
}
