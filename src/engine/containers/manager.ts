// The containers of one engine: finds the one that is meant and hands it to the verb.
import { invalid, messageOf } from '../../lib/errors.ts';
import type { ContainerId, Digest, ExecId } from '../../lib/ids.ts';
import { log } from '../../lib/logger.ts';
import type { ByteSource } from '../../lib/streams.ts';
import { untilItWorks } from '../../lib/until-it-works.ts';
import { loadDefaultProfile } from '../../runtime/apparmor.ts';
import { reopenLog, resizeTerminal } from '../../runtime/attach-socket.ts';
import type { CgroupDriver } from '../../runtime/cgroups/driver.ts';
import type { HostFacts } from '../../runtime/cgroups/host.ts';
import { ExitWatcher } from '../../runtime/exits.ts';
import type { EngineConfig } from '../config.ts';
import type { Events } from '../events/events.ts';
import type { Images, ImageUser, Snapshots } from '../images/images.ts';
import { logDriver } from '../logs/drivers.ts';
import type { LogQuery } from '../logs/log-driver.ts';
import type { Networks, NetworkUsers } from '../networks/networks.ts';
import type { StateDatabase } from '../state/database.ts';
import type { Volumes, VolumeUsers } from '../volumes/volumes.ts';
import { attachContainer } from './attach.ts';
import { commit } from './commit.ts';
import type {
  Attachment,
  AttachRequest,
  CommitRequest,
  Containers,
  CreateRequest,
  ExecRequest,
  Filters,
  ListQuery,
  WaitCondition,
} from './containers.ts';
import { type ContainerContext, pathsOf, publish } from './context.ts';
import { createContainer } from './create.ts';
import { updateHosts, writeResolvConf } from './etc-files.ts';
import { createExec, type Exec, endExecs, endOf, inspectExec, noSuchExec, resizeExec, startExec } from './exec.ts';
import * as files from './files.ts';
import { inspectContainer } from './inspect.ts';
import { handleExit, start } from './lifecycle.ts';
import { listContainers } from './list.ts';
import { LiveContainer } from './live.ts';
import * as observe from './observe.ts';
import { containerPaths, exitsDirectory } from './paths.ts';
import { pause, unpause } from './pause.ts';
import { prepareForFirst } from './prepare-for-first.ts';
import { findOnPath } from './programs.ts';
import { pruneContainers } from './prune.ts';
import { reconcileContainers, startByPolicy } from './reconcile.ts';
import { type ContainerRecord, requireRunning } from './record.ts';
import { remove, removeLink } from './remove.ts';
import { specDefaults } from './spec-defaults.ts';
import { kill, restart, stop, stopWithMachine } from './stop.ts';
import { ContainerStore } from './store.ts';
import { update } from './update.ts';

export interface ContainerDependencies {
  config: EngineConfig;
  host: HostFacts;
  cgroupDriver: CgroupDriver;
  database: StateDatabase;
  images: Images;
  snapshots: Snapshots;
  volumes(users: VolumeUsers): Volumes;
  networks(users: NetworkUsers): Networks;
  events: Events;
}

/** Long enough after the daemon's start for whoever waited for it to have been answered. */
const QUIET_MS = 250;

export class ContainerManager implements Containers {
  readonly #context: ContainerContext;
  readonly #store: ContainerStore;
  readonly #live = new Map<ContainerId, LiveContainer>();
  #quiet: Timer | undefined;
  readonly #later = new Set<Promise<void>>();

  #apparmorProfile: string | undefined;

  constructor(dependencies: ContainerDependencies) {
    const { config } = dependencies;
    const store = new ContainerStore(dependencies.database);
    this.#store = store;
    const users: NetworkUsers & VolumeUsers = {
      resolve: reference => store.find(reference)?.id,
      name: id => store.get(id)?.name,
      environment: id => store.get(id)?.config.Env ?? [],
      pid: id => {
        const phase = store.get(id)?.phase;
        return phase?.kind === 'running' ? phase.pid : undefined;
      },
      hostsChanged: (id, entries) => updateHosts(containerPaths(config, id), entries),
      resolvConfChanged: (id, content) => writeResolvConf(containerPaths(config, id), content),
      usersOf: volume =>
        [...store.all()]
          .filter(({ phase, mounts }) => phase.kind !== 'removing' && mounts.some(mount => mount.Name === volume))
          .map(record => record.id),
    };
    this.#context = {
      config,
      host: dependencies.host,
      cgroupDriver: dependencies.cgroupDriver,
      store,
      images: dependencies.images,
      snapshots: dependencies.snapshots,
      volumes: dependencies.volumes(users),
      networks: dependencies.networks(users),
      events: dependencies.events,
      exits: new ExitWatcher(exitsDirectory(config), id => this.#onExit(id as ContainerId)),
      live: record => this.#liveOf(record),
      forget: id => this.#live.delete(id),
      later: work => this.#doLater(work),
      conmonPath: () => config.conmonPath ?? findOnPath('conmon'),
      apparmorProfile: () => this.#apparmorProfile,
      specDefaults: () => specDefaults(config, this.#apparmorProfile),
    };
  }

  get volumes(): Volumes {
    return this.#context.volumes;
  }

  get networks(): Networks {
    return this.#context.networks;
  }

  /** Takes over what a former daemon left. Nothing is served before this has resolved. */
  async reconcile(): Promise<void> {
    // What no container could be made with is known now, not at the first of them.
    this.#context.specDefaults();
    if (this.#context.host.apparmor) await this.#loadProfile();
    await reconcileContainers(this.#context);
  }

  /** Containers are held in by everything else, too: without a profile they still run, as on a host without AppArmor. */
  async #loadProfile(): Promise<void> {
    try {
      this.#apparmorProfile = await loadDefaultProfile();
    } catch (error) {
      log.warn('containers run without an AppArmor profile', { error: messageOf(error) });
    }
  }

  /** The restart policies' part; containers come up while the engine already serves. */
  startByPolicy(): void {
    startByPolicy(this.#context);
    this.#quiet = setTimeout(() => prepareForFirst(this.#context), QUIET_MS).unref();
  }

  async stopWithMachine(): Promise<void> {
    const ends = [...this.#live.values()].map(live => stopWithMachine(this.#context, live));
    for (const end of await Promise.allSettled(ends)) {
      if (end.status === 'rejected') log.error('could not end a container', { error: messageOf(end.reason) });
    }
  }

  /** Containers run on; only what watches them ends. */
  async close(): Promise<void> {
    clearTimeout(this.#quiet);
    this.#context.exits.close();
    for (const live of this.#live.values()) {
      live.cancelRestart();
      live.stopHealthMonitor?.();
      live.unwatchConmon?.();
      endExecs(live);
      await live.log.close();
    }
    await Promise.all(this.#later);
  }

  #doLater(work: Promise<void>): void {
    const settled = work
      .catch(error => log.error('the next start has to clean up', { error: messageOf(error) }))
      .finally(() => this.#later.delete(settled));
    this.#later.add(settled);
  }

  #onExit(id: ContainerId): void {
    void untilItWorks(
      () => handleExit(this.#context, id),
      error => log.error('could not settle an exit yet', { container: id, error: messageOf(error) }),
    );
  }

  #liveOf(record: ContainerRecord): LiveContainer {
    let live = this.#live.get(record.id);
    if (!live) {
      live = new LiveContainer(record, this.#openLog(record));
      this.#live.set(record.id, live);
    }
    return live;
  }

  #openLog(record: ContainerRecord) {
    const paths = pathsOf(this.#context, record);
    return logDriver(record.logDriver).open({
      containerId: record.id,
      containerName: record.name,
      imageName: record.image.reference,
      imageId: record.image.id,
      labels: record.config.Labels ?? {},
      env: record.config.Env ?? [],
      entrypoint: record.path,
      args: record.args,
      created: new Date(record.created),
      tty: record.config.Tty === true,
      daemonName: 'docker',
      options: record.logOptions,
      directory: paths.logs,
      publicDirectory: paths.directory,
      reopen: async () => reopenLog(paths.bundle),
    });
  }

  #find(reference: string): LiveContainer {
    return this.#liveOf(this.#store.require(reference));
  }

  create(request: CreateRequest) {
    return createContainer(this.#context, request);
  }

  list(query: ListQuery) {
    return listContainers(this.#context, query);
  }

  async inspect(reference: string, options: { size: boolean }) {
    return inspectContainer(this.#context, this.#find(reference), options);
  }

  async start(reference: string) {
    await start(this.#context, this.#find(reference));
  }

  async stop(reference: string, options: { signal?: string; timeout?: number }) {
    await stop(this.#context, this.#find(reference), options);
  }

  async restart(reference: string, options: { signal?: string; timeout?: number }) {
    await restart(this.#context, this.#find(reference), options);
  }

  async kill(reference: string, options: { signal?: string }) {
    await kill(this.#context, this.#find(reference), options.signal);
  }

  async pause(reference: string) {
    await pause(this.#context, this.#find(reference));
  }

  async unpause(reference: string) {
    await unpause(this.#context, this.#find(reference));
  }

  wait(reference: string, condition: WaitCondition, signal: AbortSignal) {
    const live = this.#find(reference);
    const { phase } = live.record;
    const over = phase.kind !== 'running' && phase.kind !== 'restarting';
    if (condition === 'not-running' && over) {
      return { result: Promise.resolve({ statusCode: live.record.exitCode }) };
    }
    return { result: live.waitFor(condition, signal) };
  }

  async rename(reference: string, requested: string) {
    const live = this.#find(reference);
    const name = requested.replace(/^\//, '');
    if (name === '') throw invalid('Neither old nor new names may be empty');
    if (name === live.record.name) {
      throw invalid('Renaming a container with the same name as its current name');
    }
    this.#store.checkName(name);
    const oldName = live.record.name;
    this.#store.rename(live.record, name);
    for (const [container, links] of this.#context.networks.renamed(live.record.id, name)) {
      const linked = this.#store.require(container);
      linked.hostConfig.Links = links;
      this.#store.save(linked);
    }
    publish(this.#context, live.record, 'rename', { oldName: `/${oldName}` });
  }

  update(reference: string, request: Parameters<Containers['update']>[1]) {
    return update(this.#context, this.#find(reference), request);
  }

  async remove(reference: string, options: { force: boolean; volumes: boolean; link: boolean }) {
    if (options.link) removeLink(this.#context, reference);
    else await remove(this.#context, this.#find(reference), options);
  }

  prune(filters: Filters) {
    return pruneContainers(this.#context, filters);
  }

  async top(reference: string, psArguments: string) {
    return observe.top(this.#context, this.#find(reference), psArguments);
  }

  stats(reference: string, options: { stream: boolean; oneShot: boolean; signal: AbortSignal }) {
    return observe.stats(this.#context, this.#find(reference), options);
  }

  async logs(reference: string, query: LogQuery) {
    return observe.logs(this.#find(reference), query);
  }

  async attach(reference: string, request: AttachRequest, signal: AbortSignal): Promise<Attachment> {
    return attachContainer(this.#context, this.#find(reference), request, signal);
  }

  async resize(reference: string, height: number, width: number) {
    const live = this.#find(reference);
    requireRunning(live.record, 'resize');
    resizeTerminal(pathsOf(this.#context, live.record).bundle, height, width);
    publish(this.#context, live.record, 'resize', { height: String(height), width: String(width) });
  }

  async changes(reference: string) {
    return files.containerChanges(this.#context, this.#find(reference));
  }

  async export(reference: string, signal: AbortSignal) {
    return files.exportContainer(this.#context, this.#find(reference), signal);
  }

  async statPath(reference: string, path: string) {
    return files.statContainerPath(this.#context, this.#find(reference), path);
  }

  async getArchive(reference: string, path: string, signal: AbortSignal) {
    return files.getContainerArchive(this.#context, this.#find(reference), path, signal);
  }

  async putArchive(
    reference: string,
    path: string,
    archive: ByteSource,
    options: { noOverwriteDirNonDir: boolean; copyUidGid: boolean },
  ) {
    await files.putContainerArchive(this.#context, this.#find(reference), path, archive, options);
  }

  async commit(request: CommitRequest) {
    return commit(this.#context, this.#find(request.container), request);
  }

  async createExec(reference: string, request: ExecRequest): Promise<ExecId> {
    return createExec(this.#context, this.#find(reference), request);
  }

  startExec(id: string, options: Parameters<Containers['startExec']>[1], signal: AbortSignal) {
    return startExec(this.#context, this.#findExec(id), options, signal);
  }

  async resizeExec(id: string, height: number, width: number) {
    await resizeExec(this.#context, this.#findExec(id), height, width);
  }

  async inspectExec(id: string, options?: { atEnd: AbortSignal }) {
    const exec = this.#findExec(id);
    if (options) await endOf(exec, options.atEnd);
    return inspectExec(exec);
  }

  #findExec(id: string): Exec {
    for (const live of this.#live.values()) {
      const exec = live.execs.get(id);
      if (exec) return exec;
    }
    throw noSuchExec(id);
  }

  resolve(reference: string): ContainerId {
    return this.#store.require(reference).id;
  }

  /** Who uses an image, for the rules of its removal. */
  usersOfImage(image: Digest): ImageUser[] {
    return [...this.#store.all()]
      .filter(record => record.image.id === image)
      .map(record => ({
        id: record.id,
        name: record.name,
        running: record.phase.kind === 'running',
        reference: record.image.reference,
        manifest: record.image.manifest?.digest ?? image,
      }));
  }

  counts() {
    let running = 0;
    let paused = 0;
    for (const { phase } of this.#store.all()) {
      if (phase.kind === 'running' && phase.paused) paused++;
      else if (phase.kind === 'running') running++;
    }
    return { running, paused, stopped: this.#store.size - running - paused };
  }
}
