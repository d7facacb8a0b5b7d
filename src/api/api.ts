// The Engine API: every route, and what every reply carries.
import type { Containers } from '../engine/containers/containers.ts';
import type { Events } from '../engine/events/events.ts';
import type { ImageService } from '../engine/images/images.ts';
import type { NetworkDirectory } from '../engine/networks/networks.ts';
import type { System } from '../engine/system/system.ts';
import type { TrustService } from '../engine/trust/trust.ts';
import type { Volumes } from '../engine/volumes/volumes.ts';
import { productVersion } from '../lib/product.ts';
import { NEWEST_API } from '../wire/api-version.ts';
import type { ExchangeOptions } from './http/exchange.ts';
import type { Route } from './route.ts';
import { createRouter } from './router.ts';
import { absentRoutes } from './routes/absent.ts';
import { containerFileRoutes } from './routes/container-files.ts';
import { containerStreamRoutes } from './routes/container-streams.ts';
import { containerRoutes } from './routes/containers.ts';
import { execRoutes } from './routes/exec.ts';
import { imageRoutes } from './routes/images.ts';
import { networkRoutes } from './routes/networks.ts';
import { registryRoutes } from './routes/registries.ts';
import { systemRoutes } from './routes/system.ts';
import { trustRoutes } from './routes/trust.ts';
import { volumeRoutes } from './routes/volumes.ts';

export interface ApiEngine {
  containers: Containers;
  events: Events;
  images: ImageService;
  networks: NetworkDirectory;
  system: System;
  trust: TrustService;
  volumes: Volumes;
}

/** The first route that matches wins: fixed names stand before patterns that would match them. */
function apiRoutes(engine: ApiEngine): Route[] {
  return [
    ...systemRoutes(engine.system, engine.events),
    ...containerStreamRoutes(engine.containers),
    ...containerFileRoutes(engine.containers),
    ...containerRoutes(engine.containers),
    ...execRoutes(engine.containers),
    ...volumeRoutes(engine.volumes),
    ...registryRoutes(engine.images),
    ...imageRoutes(engine.images),
    ...networkRoutes(engine.networks),
    ...trustRoutes(engine.trust),
    ...absentRoutes(),
  ];
}

export function api(engine: ApiEngine, options: { experimental: boolean }): ExchangeOptions {
  return {
    handler: createRouter(apiRoutes(engine)),
    headers: {
      'Api-Version': NEWEST_API,
      'Docker-Experimental': String(options.experimental),
      Ostype: 'linux',
      Server: `Docker/${productVersion} (linux)`,
    },
  };
}
