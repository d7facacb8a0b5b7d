// An engine: its nouns put together. The only place where all of them are known.
import { mkdirSync } from 'node:fs';
import { createSnapshots, type Snapshots } from '../content/snapshots.ts';
import { pluginPlaces } from '../plugins/places.ts';
import { Plugins } from '../plugins/plugins.ts';
import { checkParent, chooseDriver } from '../runtime/cgroups/driver.ts';
import { detectHost } from '../runtime/cgroups/host.ts';
import type { EngineConfig } from './config.ts';
import type { Containers } from './containers/containers.ts';
import { ContainerManager } from './containers/manager.ts';
import { EventLog } from './events/event-log.ts';
import type { Events } from './events/events.ts';
import { createImages } from './images/image-store.ts';
import type { ImageService } from './images/images.ts';
import { Registries } from './images/transfer/registries.ts';
import { createNetworks, type EngineNetworks } from './networks/create-networks.ts';
import { openState } from './state/database.ts';
import { EngineSystem } from './system/engine-system.ts';
import type { System } from './system/system.ts';
import { EngineTrust } from './trust/engine-trust.ts';
import type { TrustService } from './trust/trust.ts';
import { createVolumes } from './volumes/all-volumes.ts';
import type { Volumes } from './volumes/volumes.ts';

export interface Engine {
  readonly config: EngineConfig;
  readonly containers: Containers;
  readonly images: ImageService;
  readonly volumes: Volumes;
  readonly networks: EngineNetworks;
  readonly events: Events;
  readonly system: System;
  readonly trust: TrustService;
  /** Brings the world in line with the state. Nothing may be served before it has resolved. */
  start(): Promise<void>;
  /** Lets go of everything but the containers, which run on. */
  close(): Promise<void>;
  /** Ends what runs, as the machine goes down; policies start it again after the boot. */
  stopWithMachine(): Promise<void>;
}

export interface EngineOptions {
  /** What the API in front of it speaks, for `docker version`. */
  api: { newest: string; oldest: string };
}

export function createEngine(config: EngineConfig, options: EngineOptions): Engine {
  for (const root of [config.dataRoot, config.execRoot]) mkdirSync(root, { recursive: true, mode: 0o711 });
  const host = detectHost();
  const cgroupDriver = chooseDriver(config.cgroupDriver);
  checkParent(cgroupDriver, config.cgroupParent ?? '');
  const database = openState(`${config.dataRoot}/state.db`);
  const events = new EventLog();
  let manager: ContainerManager;
  const snapshots: Snapshots = createSnapshots(config.dataRoot, config.execRoot);
  const { file, named } = config.trustPolicy;
  const trust = new EngineTrust({ file, mustExist: named, database, registries: new Registries(config) });
  const images = createImages({
    dataRoot: config.dataRoot,
    database,
    events,
    config,
    users: { usersOf: image => manager.usersOfImage(image) },
    trust,
    layersInUse: () => snapshots.layersInUse(),
  });
  const plugins = new Plugins(pluginPlaces(config.execRoot));
  let networks!: EngineNetworks;
  let volumes!: Volumes;
  manager = new ContainerManager({
    config,
    host,
    cgroupDriver,
    database,
    images,
    snapshots,
    events,
    volumes: users => {
      volumes = createVolumes({ dataRoot: config.dataRoot, database, events, users, plugins });
      return volumes;
    },
    networks: users => {
      networks = createNetworks({
        dataRoot: config.dataRoot,
        execRoot: config.execRoot,
        database,
        events,
        config: config.network,
        users,
        plugins,
      });
      return networks;
    },
  });
  const containers = manager;
  const system = new EngineSystem({
    config,
    host,
    cgroupDriver,
    events,
    containers,
    images,
    volumes,
    networkDrivers: () => networks.drivers,
    ...(networks.firewall ? { firewall: networks.firewall } : {}),
    api: options.api,
  });
  return {
    config,
    containers,
    images,
    volumes,
    networks,
    events,
    system,
    trust,
    start: async () => {
      trust.check();
      await images.reconcile();
      await containers.reconcile();
      containers.startByPolicy();
    },
    stopWithMachine: () => manager.stopWithMachine(),
    close: async () => {
      await containers.close();
      volumes.close();
      await networks.close();
      await images.close();
      database.close();
    },
  };
}
