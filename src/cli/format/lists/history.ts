// The layers of an image.
import { shortId } from '../../../lib/ids.ts';
import type { ImageHistoryResponseItem } from '../../../wire/types.ts';
import { ellipsis } from '../display-width.ts';
import { ago } from '../human-duration.ts';
import type { Listing } from '../listing.ts';
import { localRfc3339 } from '../local-time.ts';
import { humanSize } from '../units.ts';

export interface HistoryRow {
  layer: ImageHistoryResponseItem;
  truncate: boolean;
  human: boolean;
}

/** Dates before it are made up: builds that can be repeated byte by byte have them. */
const EPOCH = Date.UTC(2000, 0, 1) / 1000;

const createdAt = ({ layer }: HistoryRow) => localRfc3339(layer.Created);

export const historyListing: Listing<HistoryRow> = {
  type: '*image.historyContext',
  table: ['ID', 'CreatedSince', 'CreatedBy', 'Size', 'Comment'],
  quiet: 'ID',
  columns: {
    ID: { header: 'IMAGE', value: ({ layer, truncate }) => (truncate ? shortId(layer.Id) : layer.Id) },
    CreatedSince: {
      header: 'CREATED',
      value: row => {
        if (!row.human) return createdAt(row);
        return row.layer.Created <= EPOCH ? 'N/A' : ago(row.layer.Created);
      },
    },
    CreatedAt: { header: 'CREATED AT', value: createdAt },
    CreatedBy: {
      header: 'CREATED BY',
      value: ({ layer, truncate }) => {
        const text = layer.CreatedBy.replaceAll('\t', ' ');
        return truncate ? ellipsis(text, 45) : text;
      },
    },
    Size: { header: 'SIZE', value: ({ layer, human }) => (human ? humanSize(layer.Size, 3) : String(layer.Size)) },
    Comment: { header: 'COMMENT', value: ({ layer }) => layer.Comment },
  },
};

export const machineHistoryListing: Listing<HistoryRow> = {
  ...historyListing,
  table: ['ID', 'CreatedAt', 'CreatedBy', 'Size', 'Comment'],
};
