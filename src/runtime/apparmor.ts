// AppArmor: the profile that containers get where the host has it, and how it comes into the kernel.
import { failed, messageOf, unavailable } from '../lib/errors.ts';
import type { HostConfig } from '../wire/types.ts';
import { readText } from './cgroups/files.ts';
import { parseSecurityOptions } from './oci/security-options.ts';

/** Docker's name for it: tools look for it, and engines side by side share it. */
const DEFAULT_PROFILE = 'docker-default';
const UNCONFINED = 'unconfined';
const LOADED_PROFILES = '/sys/kernel/security/apparmor/profiles';

/**
 * A second line behind capabilities, seccomp and masked paths: everything inside is allowed, but nothing that reaches the
 * host. In /proc only the directories of processes may be written to, and the limits of shared memory; in /sys only cgroups.
 */
export function profileText(name: string): string {
  return `#include <tunables/global>

profile ${name} flags=(attach_disconnected,mediate_deleted) {
  #include <abstractions/base>

  file,
  network,
  capability,
  umount,
  deny mount,

  # The engine and its runtimes stop containers; containers reach their own kind only.
  signal (receive) peer=unconfined,
  signal (receive) peer=crun,
  signal (receive) peer=runc,
  signal (send, receive) peer=${name},
  ptrace (read, trace, readby, tracedby) peer=${name},

  deny @{PROC}/[a-z]* w,
  deny @{PROC}/{kcore,sysrq-trigger} rwklx,
  deny @{PROC}/{acpi,asound,bus,driver,fs,irq,scsi,tty}/** w,
  deny @{PROC}/sys/[^k]** w,
  deny @{PROC}/sys/kernel/{[^s],s[^h],sh[^m]}** w,

  deny /sys/{block,bus,class,dev,devices,hypervisor,kernel,module,power}/** wklx,
  deny /sys/fs/{[^c],c[^g]}** wklx,
  deny /sys/{firmware,kernel/security,devices/virtual/powercap}/** rwklx,
}
`;
}

/** What a container runs under; undefined where there is no AppArmor or no profile. */
export function apparmorProfile(
  hostConfig: Pick<HostConfig, 'SecurityOpt' | 'Privileged'>,
  host: { apparmor: boolean },
  defaultProfile: string | undefined,
): string | undefined {
  if (!host.apparmor) return undefined;
  const { apparmor } = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  return apparmor || (hostConfig.Privileged ? UNCONFINED : defaultProfile);
}

/** Resolves to the profile's name when the kernel has it, loaded now if it had not. */
export async function loadDefaultProfile(parser = 'apparmor_parser', loaded = LOADED_PROFILES): Promise<string> {
  if (isLoaded(DEFAULT_PROFILE, loaded)) return DEFAULT_PROFILE;
  let child: Bun.Subprocess<Blob, 'ignore', 'pipe'>;
  try {
    const text = new Blob([profileText(DEFAULT_PROFILE)]);
    // Replacing: somebody may have loaded it since we looked.
    child = Bun.spawn([parser, '--skip-cache', '--replace'], { stdin: text, stdout: 'ignore', stderr: 'pipe' });
  } catch (error) {
    throw unavailable(`cannot start ${parser}: install the package apparmor (${messageOf(error)})`, error);
  }
  const [message, code] = await Promise.all([child.stderr.text(), child.exited]);
  if (code !== 0) throw failed(message.trim() || `${parser} failed with exit code ${code}`);
  return DEFAULT_PROFILE;
}

/** A line of the list is "name (enforce)". */
function isLoaded(name: string, list: string): boolean {
  return (readText(list) ?? '').split('\n').some(line => line.startsWith(`${name} (`));
}
