// Records of the build cache.
import { shortId } from '../../../lib/ids.ts';
import type { BuildCache } from '../../../wire/types.ts';
import { ago } from '../human-duration.ts';
import type { Listing } from '../listing.ts';
import { timeText } from '../time-text.ts';
import { humanSize } from '../units.ts';

export interface BuildCacheRow {
  record: BuildCache & { Parent?: string };
  truncate: boolean;
}

const since = (time: string | null | undefined) => (time ? ago(Date.parse(time) / 1000) : '');

export const buildCacheListing: Listing<BuildCacheRow> = {
  type: '*formatter.buildCacheContext',
  table: ['ID', 'CacheType', 'Size', 'CreatedSince', 'LastUsedSince', 'UsageCount', 'Shared', 'Description'],
  raw: `build_cache_id: {{.ID}}
parent_id: {{.Parent}}
build_cache_type: {{.CacheType}}
description: {{.Description}}
created_at: {{.CreatedAt}}
created_since: {{.CreatedSince}}
last_used_at: {{.LastUsedAt}}
last_used_since: {{.LastUsedSince}}
usage_count: {{.UsageCount}}
in_use: {{.InUse}}
shared: {{.Shared}}
`,
  columns: {
    ID: {
      header: 'CACHE ID',
      value: ({ record, truncate }) =>
        `${truncate ? shortId(record.ID ?? '') : (record.ID ?? '')}${record.InUse ? '*' : ''}`,
    },
    Parent: {
      header: 'PARENT',
      value: ({ record, truncate }) => {
        const parent = record.Parents?.length ? record.Parents.join(', ') : (record.Parent ?? '');
        return truncate ? shortId(parent) : parent;
      },
    },
    CacheType: { header: 'CACHE TYPE', value: ({ record }) => record.Type ?? '' },
    Description: { header: 'DESCRIPTION', value: ({ record }) => record.Description ?? '' },
    Size: { header: 'SIZE', value: ({ record }) => humanSize(record.Size ?? 0, 3) },
    CreatedAt: { header: 'CREATED AT', value: ({ record }) => timeText(record.CreatedAt ?? '') },
    CreatedSince: { header: 'CREATED', value: ({ record }) => since(record.CreatedAt) },
    LastUsedAt: {
      header: 'LAST USED AT',
      value: ({ record }) => (record.LastUsedAt ? timeText(record.LastUsedAt) : ''),
    },
    LastUsedSince: { header: 'LAST USED', value: ({ record }) => since(record.LastUsedAt) },
    UsageCount: { header: 'USAGE', value: ({ record }) => String(record.UsageCount ?? 0) },
    InUse: { header: 'IN USE', value: ({ record }) => String(record.InUse ?? false) },
    Shared: { header: 'SHARED', value: ({ record }) => String(record.Shared ?? false) },
  },
};

/** Those that were used longest ago first; never used comes before all. */
export function compareRecords(a: BuildCache, b: BuildCache): number {
  const [left, right] = [a, b].map(record =>
    record.LastUsedAt ? Date.parse(record.LastUsedAt) : Number.NEGATIVE_INFINITY,
  );
  if (left !== right) return left! < right! ? -1 : 1;
  return (a.ID ?? '') < (b.ID ?? '') ? -1 : 1;
}
