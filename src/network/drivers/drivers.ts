// The list of network drivers. `host` and `none` make nothing: they are modes of a container, with a network to show for it.
import { bridge } from './bridge.ts';
import type { NetworkDriver } from './driver.ts';
import { ipvlan } from './ipvlan.ts';
import { macvlan } from './macvlan.ts';
import { pluginDriver } from './plugin.ts';

const drivers: readonly NetworkDriver[] = [bridge, macvlan, ipvlan];

/** What is not ours is a plugin's. */
export function driverNamed(name: string): NetworkDriver {
  return drivers.find(driver => driver.name === name) ?? pluginDriver;
}

export const isBuiltIn = (name: string) => driverNamed(name) !== pluginDriver || name === 'host' || name === 'null';

/** For `docker info`. */
export const driverNames = ['bridge', 'host', 'ipvlan', 'macvlan', 'null'] as const;
