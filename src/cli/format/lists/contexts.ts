// Contexts in lists.
import type { Listing } from '../listing.ts';

export interface ContextRow {
  name: string;
  description: string;
  endpoint: string;
  current: boolean;
  error: string;
}

const MAX_ERROR = 45;

const shorten = (text: string) => (text.length > MAX_ERROR ? `${text.slice(0, MAX_ERROR - 1)}…` : text);

export const contextListing: Listing<ContextRow> = {
  type: '*formatter.clientContextContext',
  table: ['MarkedName', 'Description', 'DockerEndpoint', 'Error'],
  quiet: 'Name',
  columns: {
    Name: { header: 'NAME', value: row => row.name },
    Description: { header: 'DESCRIPTION', value: row => row.description },
    DockerEndpoint: { header: 'DOCKER ENDPOINT', value: row => row.endpoint },
    Current: { header: '', value: row => row.current },
    Error: { header: 'ERROR', value: row => shorten(row.error) },
  },
};

/** The default table marks the current one. */
export const contextTable: Listing<ContextRow> = {
  ...contextListing,
  columns: {
    ...contextListing.columns,
    MarkedName: { header: 'NAME', value: row => `${row.name}${row.current ? ' *' : ''}` },
  },
};
