// `docker ps`: which containers, in which words.

import { formatDuration } from '../../lib/duration.ts';
import { invalid, notFound } from '../../lib/errors.ts';
import type { ContainerSummary, PortSummary } from '../../wire/types.ts';
import { shownMount } from '../volumes/mount-points.ts';
import type { Filters, ListQuery } from './containers.ts';
import type { ContainerContext } from './context.ts';
import { healthCommand } from './health.ts';
import { type ContainerRecord, statusOf } from './record.ts';

type Predicate = (record: ContainerRecord) => boolean;

export async function listContainers(context: ContainerContext, query: ListQuery): Promise<ContainerSummary[]> {
  const predicate = compileFilters(context, query.filters);
  const statusAsked = (query.filters.status ?? []).length > 0;
  // Client libraries send -1 for none.
  const limit = query.limit ?? 0;
  const all = query.all || statusAsked || limit > 0;
  let records = [...context.store.all()]
    .filter(record => (all || isListedByDefault(record)) && predicate(record))
    .sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : 0));
  if (limit > 0) records = records.slice(0, limit);
  return Promise.all(records.map(record => summarize(context, record, query.size)));
}

const isListedByDefault = (record: ContainerRecord) =>
  record.phase.kind === 'running' || record.phase.kind === 'restarting';

async function summarize(context: ContainerContext, record: ContainerRecord, size: boolean): Promise<ContainerSummary> {
  const settings = context.networks.settings(record.id);
  const usage = size ? await context.snapshots.usage(record.id) : undefined;
  return {
    Id: record.id,
    Names: [`/${record.name}`, ...linkNames(context, record)],
    Image: shownImage(context, record.image),
    ImageID: record.image.id,
    Command: [record.path, ...record.args.map(quoteArgument)].join(' '),
    Created: Math.floor(Date.parse(record.created) / 1000),
    Ports: portSummaries(context, record),
    ...(usage ? { SizeRw: usage.writable, SizeRootFs: usage.total } : {}),
    Labels: record.config.Labels ?? {},
    State: statusOf(record),
    Status: statusText(record),
    Health: { Status: record.health?.Status ?? 'none', FailingStreak: record.health?.FailingStreak ?? 0 },
    HostConfig: {
      NetworkMode: record.hostConfig.NetworkMode,
      ...(record.hostConfig.Annotations ? { Annotations: record.hostConfig.Annotations } : {}),
    },
    NetworkSettings: { Networks: settings.Networks ?? {} },
    Mounts: record.mounts.map(shownMount),
  };
}

/** As it was asked for; its id where that has become the name of another image, or of none. */
function shownImage({ images }: ContainerContext, { id, reference }: ContainerRecord['image']): string {
  return id === '' || images.leadsTo(reference, id) ? reference : id;
}

function linkNames(context: ContainerContext, record: ContainerRecord): string[] {
  const names: string[] = [];
  for (const other of context.store.all()) {
    for (const link of other.hostConfig.Links ?? []) {
      const [target, alias] = link.split(':');
      if (target === record.name || target === record.id) names.push(`/${other.name}/${alias ?? target}`);
    }
  }
  return names;
}

const quoteArgument = (argument: string) => (argument.includes(' ') ? `'${argument}'` : argument);

function portSummaries(context: ContainerContext, record: ContainerRecord): PortSummary[] {
  if (record.phase.kind !== 'running') return [];
  return Object.entries(context.networks.ports(record.id)).flatMap(([key, bindings]) => {
    const [port, protocol = 'tcp'] = key.split('/');
    const base = { PrivatePort: Number(port), Type: protocol as PortSummary['Type'] };
    if (!bindings?.length) return [base];
    return bindings.map(binding => ({ IP: binding.HostIp, ...base, PublicPort: Number(binding.HostPort) }));
  });
}

/** "Up 5 minutes (healthy)", "Exited (0) 2 hours ago", as people and scripts read it. */
export function statusText(record: ContainerRecord): string {
  const since = (time: string) => formatDuration(Date.now() - Date.parse(time));
  switch (record.phase.kind) {
    case 'created':
      return 'Created';
    case 'running': {
      const up = `Up ${since(record.startedAt)}`;
      if (record.phase.paused) return `${up} (Paused)`;
      if (!record.health || !healthCommand(record.config)) return up;
      return `${up} (${record.health.Status === 'starting' ? 'health: starting' : record.health.Status})`;
    }
    case 'restarting':
      return `Restarting (${record.exitCode}) ${since(record.finishedAt)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    case 'exited':
      return `Exited (${record.exitCode}) ${since(record.finishedAt)} ago`;
  }
}

const statuses = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const booleans = ['true', '1', 'false', '0'];
const healthStatuses = ['starting', 'healthy', 'unhealthy', 'none'];

/** Every filter of one name is an alternative, except labels, which must all hold. */
function compileFilters(context: ContainerContext, filters: Filters): Predicate {
  const predicates: Predicate[] = [];
  for (const [name, values] of Object.entries(filters)) {
    if (values.length === 0) continue;
    predicates.push(compileFilter(context, name, values));
  }
  return record => predicates.every(predicate => predicate(record));
}

function compileFilter(context: ContainerContext, name: string, values: readonly string[]): Predicate {
  const any = (test: (record: ContainerRecord, value: string) => boolean): Predicate => {
    return record => values.some(value => test(record, value));
  };
  switch (name) {
    case 'id':
      return any((record, value) => record.id.startsWith(value) || matches(record.id, value));
    case 'name':
      return any(
        (record, value) => matches(record.name, value.replace(/^\//, '')) || matches(`/${record.name}`, value),
      );
    case 'label':
      return record => values.every(value => hasLabel(record.config.Labels ?? {}, value));
    case 'status':
      for (const value of values) if (!statuses.includes(value)) throw invalid(`invalid filter 'status=${value}'`);
      return any((record, value) => statusOf(record) === value);
    case 'exited': {
      const codes = values.map(value => {
        if (!/^-?\d+$/.test(value)) throw invalid(`invalid filter 'exited=${value}'`);
        return Number(value);
      });
      return record => record.phase.kind === 'exited' && codes.includes(record.exitCode);
    }
    case 'health':
      for (const value of values)
        if (!healthStatuses.includes(value)) throw invalid(`invalid filter 'health=${value}'`);
      return any((record, value) => (record.health?.Status ?? 'none') === value);
    case 'ancestor':
      return any((record, value) => isAncestor(context, record, value));
    case 'before':
    case 'since': {
      const times = values.map(value => {
        const other = context.store.find(value);
        if (!other) throw notFound(`No such container: ${value}`);
        return other.created;
      });
      return record => times.every(time => (name === 'before' ? record.created < time : record.created > time));
    }
    case 'volume':
      return any((record, value) =>
        record.mounts.some(mount => mount.Name === value || mount.Destination === value || mount.Source === value),
      );
    case 'network':
      return any((record, value) =>
        Object.entries(context.networks.settings(record.id).Networks ?? {}).some(
          ([network, endpoint]) => network === value || (endpoint.NetworkID ?? '').startsWith(value),
        ),
      );
    case 'publish':
    case 'expose':
      return portFilter(context, name, values);
    case 'is-task':
      for (const value of values) if (!booleans.includes(value)) throw invalid(`invalid filter 'is-task=${value}'`);
      return any((_record, value) => value === 'false' || value === '0');
    case 'isolation':
      return () => true;
    default:
      throw invalid(`invalid filter '${name}'`);
  }
}

function matches(text: string, pattern: string): boolean {
  try {
    return new RegExp(pattern).test(text);
  } catch {
    // What is no pattern can still be a name.
    return text === pattern;
  }
}

export function hasLabel(labels: Readonly<Record<string, string>>, filter: string): boolean {
  const equals = filter.indexOf('=');
  if (equals < 0) return filter in labels;
  return labels[filter.slice(0, equals)] === filter.slice(equals + 1);
}

function isAncestor(context: ContainerContext, record: ContainerRecord, value: string): boolean {
  const { id, reference } = record.image;
  if (reference === value || (id !== '' && id.startsWith(value))) return true;
  return id !== '' && context.images.leadsTo(value, id);
}

function portFilter(context: ContainerContext, name: 'publish' | 'expose', values: readonly string[]): Predicate {
  const ranges = values.map(value => {
    const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(value);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? from);
    if (!match || from > to || to > 65535) throw invalid(`invalid filter '${name}=${value}'`);
    return { from, to, protocol: match[3] ?? 'tcp' };
  });
  // The host's port, or the container's, as the list shows them: of a container that runs.
  return record =>
    portSummaries(context, record).some(({ PublicPort, PrivatePort, Type }) => {
      const port = name === 'publish' ? PublicPort : PrivatePort;
      return port && ranges.some(range => port >= range.from && port <= range.to && Type === range.protocol);
    });
}
