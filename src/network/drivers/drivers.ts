// The list of network drivers. `host` and `none` make nothing: they are modes of a container, with a network to show for it.
import { bridge } from './bridge.ts';
import type { NetworkDriver } from './driver.ts';
import { ipvlan } from './ipvlan.ts';
import { macvlan } from './macvlan.ts';

const drivers: readonly NetworkDriver[] = [bridge, macvlan, ipvlan];

export function driverNamed(name: string): NetworkDriver | undefined {
  return drivers.find(driver => driver.name === name);
}

/** For `docker info`. */
export const driverNames = ['bridge', 'host', 'ipvlan', 'macvlan', 'null'] as const;
