// Containers in lists.

import { DockyardError } from '../../../lib/errors.ts';
import { shortId } from '../../../lib/ids.ts';
import { familiarName, parseReference } from '../../../lib/reference.ts';
import type { ContainerSummary } from '../../../wire/types.ts';
import { ellipsis } from '../display-width.ts';
import { ago } from '../human-duration.ts';
import { type Listing, labelsText } from '../listing.ts';
import { localTimeText } from '../local-time.ts';
import { portsText } from '../ports.ts';
import { quote } from '../template/quote.ts';
import { GoStruct, NilPointer, type Value } from '../template/values.ts';
import { humanSize } from '../units.ts';

export interface ContainerRow {
  container: ContainerSummary;
  truncate: boolean;
}

const rawFormat = `container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
`;

export const containerListing: Listing<ContainerRow> = {
  type: '*formatter.ContainerContext',
  table: ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names'],
  raw: rawFormat,
  quiet: 'ID',
  rawQuiet: 'container_id: {{.ID}}',
  columns: {
    ID: {
      header: 'CONTAINER ID',
      value: ({ container, truncate }) => (truncate ? shortId(container.Id ?? '') : container.Id),
    },
    Names: { header: 'NAMES', value: namesText },
    Image: { header: 'IMAGE', value: imageText },
    Command: {
      header: 'COMMAND',
      value: ({ container, truncate }) =>
        quote(truncate ? ellipsis(container.Command ?? '', 20) : (container.Command ?? '')),
    },
    CreatedAt: { header: 'CREATED AT', value: ({ container }) => localTimeText(container.Created ?? 0) },
    RunningFor: { header: 'CREATED', value: ({ container }) => ago(container.Created ?? 0) },
    Ports: { header: 'PORTS', value: ({ container }) => portsText(container.Ports ?? []) },
    State: { header: 'STATE', value: ({ container }) => container.State ?? '' },
    Status: { header: 'STATUS', value: ({ container }) => container.Status ?? '' },
    Size: { header: 'SIZE', value: sizeText },
    Labels: { header: 'LABELS', value: ({ container }) => labelsText(container.Labels) },
    Mounts: { header: 'MOUNTS', value: mountsText },
    LocalVolumes: {
      header: 'LOCAL VOLUMES',
      value: ({ container }) => String(container.Mounts?.filter(mount => mount.Driver === 'local').length ?? 0),
    },
    Networks: {
      header: 'NETWORKS',
      value: ({ container }) => Object.keys(container.NetworkSettings?.Networks ?? {}).join(','),
    },
    Platform: { header: 'PLATFORM', value: platformValue },
    HealthStatus: { header: 'HEALTH STATUS', value: healthText, notInJson: true },
  },
  label: ({ container }, name) => container.Labels?.[name] ?? '',
};

/** Names without their slash; links, whose names have two, only in full. */
function namesText({ container, truncate }: ContainerRow): string {
  const names = (container.Names ?? []).map(name => name.replace(/^\//, ''));
  const own = truncate ? names.find(name => !name.includes('/')) : undefined;
  return own ?? names.join(',');
}

function imageText({ container, truncate }: ContainerRow): string {
  const image = container.Image ?? '';
  if (image === '') return '<no image>';
  if (!truncate) return image;
  const id = shortId(container.ImageID ?? '');
  if (id === shortId(image)) return id;
  try {
    const { digest: _, ...reference } = parseReference(image);
    return familiarName(reference);
  } catch (error) {
    if (error instanceof DockyardError) return image;
    throw error;
  }
}

function sizeText({ container }: ContainerRow): string {
  const own = humanSize(container.SizeRw ?? 0, 3);
  const whole = container.SizeRootFs ?? 0;
  return whole > 0 ? `${own} (virtual ${humanSize(whole, 3)})` : own;
}

function mountsText({ container, truncate }: ContainerRow): string {
  const names = (container.Mounts ?? []).map(mount => mount.Name || mount.Source || '');
  return names.map(name => (truncate ? ellipsis(name, 15) : name)).join(',');
}

function platformValue({ container }: ContainerRow): Value {
  const platform = container.ImageManifestDescriptor?.platform;
  if (!platform) return new NilPointer('*formatter.Platform');
  const fields = Object.entries(platform).map(([name, value]) => ({ name, json: name, value: String(value) }));
  return new GoStruct('formatter.Platform', fields, {
    pointer: true,
    text: [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/'),
  });
}

/** Engines before API 1.52 tell the health inside the status only. */
function healthText({ container }: ContainerRow): string {
  const told =
    container.Health?.Status ?? /\((?:health: )?(healthy|unhealthy|starting)\)$/.exec(container.Status ?? '')?.[1];
  return told === undefined || told === 'none' ? '' : told;
}
