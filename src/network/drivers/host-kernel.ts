// The host's own links and settings, shared by the drivers.
import { readFileSync } from 'node:fs';
import { KernelError } from '../../kernel/libc.ts';
import type { Link } from '../../kernel/rtnetlink/link.ts';
import { RouteSocket } from '../../kernel/rtnetlink/socket.ts';
import { errnoOf } from '../../lib/errors.ts';

let socket: RouteSocket | undefined;

/** Opened with the first network, so that an engine without one needs no rights. */
export function hostLinks(): RouteSocket {
  socket ??= new RouteSocket();
  return socket;
}

export function findLink(name: string): Link | undefined {
  try {
    return hostLinks().link(name);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** What it is about does not exist (any more). */
export const isGone = (error: unknown) =>
  error instanceof KernelError && (error.code === 'ENODEV' || error.code === 'ENOENT');
export const isThere = (error: unknown) => error instanceof KernelError && error.code === 'EEXIST';

export function readSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
