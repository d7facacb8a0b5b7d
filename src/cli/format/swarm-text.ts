// The swarm's part of `docker info`.
import type { ClusterInfo, SwarmInfo } from '../../wire/types.ts';
import { humanDuration } from './human-duration.ts';

export function swarmLines(swarm: SwarmInfo = {}): string[] {
  const state = swarm.LocalNodeState ?? '';
  const lines = [` Swarm: ${state}`];
  if (state === 'inactive' || state === 'locked' || state === '') return lines;
  lines.push(`  NodeID: ${swarm.NodeID ?? ''}`);
  if (swarm.Error) lines.push(`  Error: ${swarm.Error}`);
  lines.push(`  Is Manager: ${swarm.ControlAvailable ?? false}`);
  if (swarm.Cluster && swarm.ControlAvailable && !swarm.Error && state !== 'error') {
    lines.push(`  ClusterID: ${swarm.Cluster.ID ?? ''}`);
    lines.push(`  Managers: ${swarm.Managers ?? 0}`, `  Nodes: ${swarm.Nodes ?? 0}`);
    lines.push(...clusterLines(swarm.Cluster));
  }
  lines.push(`  Node Address: ${swarm.NodeAddr ?? ''}`);
  const managers = (swarm.RemoteManagers ?? []).map(peer => peer.Addr ?? '').sort();
  if (managers.length > 0) lines.push('  Manager Addresses:', ...managers.map(address => `   ${address}`));
  return lines;
}

const nanoseconds = (duration: number | undefined) => humanDuration((duration ?? 0) / 1e6);

function clusterLines(cluster: ClusterInfo): string[] {
  const { Orchestration, Raft, Dispatcher, CAConfig, EncryptionConfig } = cluster.Spec ?? {};
  const lines: string[] = [];
  if (cluster.DefaultAddrPool) {
    lines.push(`  Default Address Pool: ${cluster.DefaultAddrPool.map(pool => `${pool}  `).join('')}`);
    lines.push(`  SubnetSize: ${cluster.SubnetSize ?? 0}`);
  }
  if (cluster.DataPathPort) lines.push(`  Data Path Port: ${cluster.DataPathPort}`);
  lines.push(
    '  Orchestration:',
    `   Task History Retention Limit: ${Orchestration?.TaskHistoryRetentionLimit ?? 0}`,
    '  Raft:',
    `   Snapshot Interval: ${Raft?.SnapshotInterval ?? 0}`,
  );
  if (Raft?.KeepOldSnapshots !== undefined) {
    lines.push(`   Number of Old Snapshots to Retain: ${Raft.KeepOldSnapshots}`);
  }
  lines.push(
    `   Heartbeat Tick: ${Raft?.HeartbeatTick ?? 0}`,
    `   Election Tick: ${Raft?.ElectionTick ?? 0}`,
    '  Dispatcher:',
    `   Heartbeat Period: ${nanoseconds(Dispatcher?.HeartbeatPeriod)}`,
    '  CA Configuration:',
    `   Expiry Duration: ${nanoseconds(CAConfig?.NodeCertExpiry)}`,
    `   Force Rotate: ${CAConfig?.ForceRotate ?? 0}`,
  );
  const authority = CAConfig?.SigningCACert?.trim();
  if (authority) lines.push('   Signing CA Certificate: ', authority, '');
  const external = CAConfig?.ExternalCAs ?? [];
  if (external.length > 0) {
    lines.push('   External CAs:', ...external.map(({ Protocol, URL: url }) => `     ${Protocol}: ${url}`));
  }
  lines.push(
    `  Autolock Managers: ${EncryptionConfig?.AutoLockManagers ?? false}`,
    `  Root Rotation In Progress: ${cluster.RootRotationInProgress ?? false}`,
  );
  return lines;
}
