// What a search has found.
import type { SearchResult } from '../../../client/images.ts';
import { ellipsis } from '../display-width.ts';
import type { Listing } from '../listing.ts';

export interface SearchRow {
  result: SearchResult;
  truncate: boolean;
  /** In JSON a yes is `true`, in tables `[OK]`. */
  json: boolean;
}

export const searchListing: Listing<SearchRow> = {
  type: '*registry.searchContext',
  table: ['Name', 'Description', 'StarCount', 'IsOfficial'],
  columns: {
    Name: { header: 'NAME', value: ({ result }) => result.name ?? '' },
    Description: {
      header: 'DESCRIPTION',
      value: ({ result, truncate }) => {
        const text = (result.description ?? '').replace(/[\n\r]/g, ' ');
        return truncate ? ellipsis(text, 45) : text;
      },
    },
    StarCount: { header: 'STARS', value: ({ result }) => String(result.star_count ?? 0) },
    IsOfficial: {
      header: 'OFFICIAL',
      value: ({ result, json }) => (json ? String(result.is_official ?? false) : result.is_official ? '[OK]' : ''),
    },
  },
};
