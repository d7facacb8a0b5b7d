// Networks in lists.
import { shortId } from '../../../lib/ids.ts';
import type { NetworkSummary } from '../../../wire/types.ts';
import { type Listing, labelsText } from '../listing.ts';
import { timeText } from '../time-text.ts';

export interface NetworkRow {
  network: NetworkSummary;
  truncate: boolean;
}

export const networkListing: Listing<NetworkRow> = {
  type: '*network.networkContext',
  table: ['ID', 'Name', 'Driver', 'Scope'],
  raw: 'network_id: {{.ID}}\\nname: {{.Name}}\\ndriver: {{.Driver}}\\nscope: {{.Scope}}\\n',
  quiet: 'ID',
  rawQuiet: 'network_id: {{.ID}}',
  columns: {
    ID: { header: 'NETWORK ID', value: ({ network, truncate }) => (truncate ? shortId(network.Id ?? '') : network.Id) },
    Name: { header: 'NAME', value: ({ network }) => network.Name ?? '' },
    Driver: { header: 'DRIVER', value: ({ network }) => network.Driver ?? '' },
    Scope: { header: 'SCOPE', value: ({ network }) => network.Scope ?? '' },
    IPv4: { header: 'IPV4', value: ({ network }) => String(network.EnableIPv4 ?? false) },
    IPv6: { header: 'IPV6', value: ({ network }) => String(network.EnableIPv6 ?? false) },
    Internal: { header: 'INTERNAL', value: ({ network }) => String(network.Internal ?? false) },
    Labels: { header: 'LABELS', value: ({ network }) => labelsText(network.Labels) },
    CreatedAt: { header: 'CREATED AT', value: ({ network }) => timeText(network.Created ?? '') },
  },
  label: ({ network }, name) => network.Labels?.[name] ?? '',
};
