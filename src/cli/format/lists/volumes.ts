// Volumes in lists.
import type { ClusterVolumeSpec, Volume } from '../../../wire/types.ts';
import { type Listing, labelsText } from '../listing.ts';
import { humanSize } from '../units.ts';

/** The specification has it inside AccessMode, engines beside it. */
function availability(spec: ClusterVolumeSpec & { Availability?: string } = {}): string {
  return spec.Availability ?? spec.AccessMode?.Availability ?? '';
}

const clusterStatus = (volume: Volume): string => {
  const cluster = volume.ClusterVolume;
  if (!cluster) return 'N/A';
  if (!cluster.Info?.VolumeID) return 'pending creation';
  const nodes = cluster.PublishStatus?.length ?? 0;
  if (nodes === 0) return 'created';
  return nodes === 1 ? 'in use (1 node)' : `in use (${nodes} nodes)`;
};

export const volumeListing: Listing<Volume> = {
  type: '*formatter.volumeContext',
  table: ['Driver', 'Name'],
  raw: 'name: {{.Name}}\\ndriver: {{.Driver}}\\n',
  quiet: 'Name',
  rawQuiet: 'name: {{.Name}}',
  columns: {
    Name: { header: 'VOLUME NAME', value: volume => volume.Name },
    Group: {
      header: 'GROUP',
      value: volume => (volume.ClusterVolume ? (volume.ClusterVolume.Spec?.Group ?? '') : 'N/A'),
    },
    Driver: { header: 'DRIVER', value: volume => volume.Driver },
    Scope: { header: 'SCOPE', value: volume => volume.Scope },
    Availability: {
      header: 'AVAILABILITY',
      value: volume => (volume.ClusterVolume ? availability(volume.ClusterVolume.Spec) : 'N/A'),
    },
    Mountpoint: { header: 'MOUNTPOINT', value: volume => volume.Mountpoint },
    Labels: { header: 'LABELS', value: volume => labelsText(volume.Labels) },
    Links: { header: 'LINKS', value: volume => (volume.UsageData ? String(volume.UsageData.RefCount) : 'N/A') },
    Size: { header: 'SIZE', value: volume => (volume.UsageData ? humanSize(volume.UsageData.Size) : 'N/A') },
    Status: { header: 'STATUS', value: clusterStatus },
  },
  label: (volume, name) => volume.Labels?.[name] ?? '',
};

export const clusterVolumeListing: Listing<Volume> = {
  ...volumeListing,
  table: ['Name', 'Group', 'Driver', 'Availability', 'Status'],
};
