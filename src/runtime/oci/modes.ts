// The values of --network, --pid, --ipc, --uts, --cgroupns and --userns, told apart.

/** 'container:<reference>' names another container; undefined for every other mode. */
export function containerOfMode(mode: string | undefined): string | undefined {
  return mode?.startsWith('container:') ? mode.slice('container:'.length) : undefined;
}

/** Neither the host's nor another container's. */
export function isPrivateMode(mode: string | undefined): boolean {
  return mode !== 'host' && containerOfMode(mode) === undefined;
}

export function isPidMode(mode: string): boolean {
  return mode === '' || mode === 'host' || (containerOfMode(mode) ?? '') !== '';
}

export function isIpcMode(mode: string): boolean {
  return ['', 'none', 'private', 'host', 'shareable'].includes(mode) || containerOfMode(mode) !== undefined;
}

export function isUtsMode(mode: string): boolean {
  return mode === '' || mode === 'host';
}

export function isCgroupnsMode(mode: string): boolean {
  return mode === '' || mode === 'private' || mode === 'host';
}
