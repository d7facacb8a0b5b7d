// All flags of `run` and `create`, and the request they make. Each topic has a file of its own beside this one.
import type { ContainerCreateRequest } from '../../../../wire/types.ts';
import type { FlagTable, FlagValues } from '../../../framework/flags.ts';
import { deviceFlags, deviceHostConfig } from './devices.ts';
import { generalConfig, generalFlags, generalHostConfig } from './general.ts';
import { healthConfig, healthFlags } from './health.ts';
import { logConfig, loggingFlags } from './logging.ts';
import { networkingConfig, networkingFlags } from './networking.ts';
import { resourceFlags, resourceHostConfig } from './resources.ts';
import { securityFlags, securityHostConfig } from './security.ts';
import { storageConfig, storageFlags } from './storage.ts';

export const createFlags = {
  ...generalFlags,
  ...resourceFlags,
  ...networkingFlags,
  ...storageFlags,
  ...deviceFlags,
  ...securityFlags,
  ...healthFlags,
  ...loggingFlags,
} as const satisfies FlagTable;

export type CreateFlags = FlagValues<typeof createFlags>;

/** Throws what is wrong with the flags, one line. */
export async function createRequest(flags: CreateFlags, args: readonly string[]): Promise<ContainerCreateRequest> {
  const [image, ...command] = args;
  const networking = networkingConfig(flags);
  const storage = storageConfig(flags);
  const health = healthConfig(flags);
  return {
    ...(await generalConfig(flags)),
    Image: image,
    ...(command.length > 0 && { Cmd: command }),
    ...(Object.keys(networking.exposedPorts).length > 0 && { ExposedPorts: networking.exposedPorts }),
    ...storage.config,
    ...(health && { Healthcheck: health }),
    HostConfig: {
      ...generalHostConfig(flags),
      ...resourceHostConfig(flags),
      ...networking.host,
      ...storage.host,
      ...deviceHostConfig(flags),
      ...(await securityHostConfig(flags)),
      LogConfig: logConfig(flags),
    },
    NetworkingConfig: { EndpointsConfig: networking.endpoints },
  };
}
