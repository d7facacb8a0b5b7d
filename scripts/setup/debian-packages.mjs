// The programs of the operating system that we stand on. On Debian, as root, they are installed; elsewhere it is said
// exactly what is missing. Nothing is ever started by it: a package's service is a decision of the machine's owner.
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { Failure, isRoot, run, step } from './script.mjs';

const searched = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** The full path of a program, or undefined. Looks into the sbin directories as well, which a user's PATH may lack. */
export function findProgram(name) {
  for (const directory of searched) {
    if (!directory) continue;
    const path = `${directory}/${name}`;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next directory.
    }
  }
  return undefined;
}

/** What the engine needs to run containers. `others`: the names of the package in dnf, pacman and apk; `or`: a program that will do as well. */
export const engineNeeds = [
  { program: 'crun', package: 'crun', for: 'the OCI runtime', others: ['crun', 'crun', 'crun'] },
  { program: 'conmon', package: 'conmon', for: 'watches each container', others: ['conmon', 'conmon', 'conmon'] },
  { program: 'nft', package: 'nftables', for: 'the firewall', others: ['nftables', 'nftables', 'nftables'] },
  {
    program: 'busybox',
    package: 'busybox-static',
    for: 'what the busybox image is made from',
    others: ['busybox', 'busybox', 'busybox-static'],
  },
  { program: 'ps', package: 'procps', for: '`docker top`', others: ['procps-ng', 'procps-ng', 'procps'] },
  {
    program: 'tini-static',
    or: 'docker-init',
    package: 'tini',
    for: 'the init of `--init`',
    others: ['tini-static', 'tini', 'tini-static'],
  },
];

/** What the tests use besides: strangers to talk to, and tools to look from outside. */
export const testNeeds = [
  ...engineNeeds,
  {
    program: 'iptables-legacy',
    package: 'iptables',
    for: "tests beside others' rules",
    others: ['iptables-legacy', 'iptables', 'iptables-legacy'],
  },
  { program: 'ip', package: 'iproute2', for: 'tests of networks', others: ['iproute', 'iproute2', 'iproute2'] },
  { program: 'curl', package: 'curl', for: 'a client nobody here wrote', others: ['curl', 'curl', 'curl'] },
  {
    program: 'skopeo',
    package: 'skopeo',
    for: 'a registry client nobody here wrote',
    others: ['skopeo', 'skopeo', 'skopeo'],
  },
  {
    program: 'docker-registry',
    package: 'docker-registry',
    for: 'a registry nobody here wrote',
    others: ['docker-distribution', 'docker-registry', 'docker-registry'],
  },
  { program: 'podman', package: 'podman', for: 'images of another engine', others: ['podman', 'podman', 'podman'] },
  {
    program: 'buildah',
    package: 'buildah',
    for: 'images of another builder',
    others: ['buildah', 'buildah', 'buildah'],
  },
  { program: 'bzip2', package: 'bzip2', for: 'packed archives', others: ['bzip2', 'bzip2', 'bzip2'] },
  { program: 'xz', package: 'xz-utils', for: 'packed archives', others: ['xz', 'xz', 'xz'] },
  { program: 'openssl', package: 'openssl', for: 'certificates for tests', others: ['openssl', 'openssl', 'openssl'] },
];

export function ensureDebianPackages(needs) {
  const isMissing = need => !findProgram(need.program) && !(need.or && findProgram(need.or));
  const missing = needs.filter(isMissing);
  if (missing.length === 0) return;
  if (!findProgram('apt-get')) throw new Failure(whatToInstall(missing, 'there is no apt-get'));
  if (!isRoot()) throw new Failure(whatToInstall(missing, 'only root may'));
  const packages = missing.map(need => need.package);
  step(`Installing Debian packages: ${packages.join(' ')}`);
  aptInstall(packages);
  const still = needs.filter(isMissing);
  if (still.length > 0) throw new Failure(whatToInstall(still, 'apt-get did, but they are still not there'));
}

/** Installs without starting any service. */
function aptInstall(packages) {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = args =>
    run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], { quiet: true, env: environment });
  const install = () => apt(['install', '-y', '--no-install-recommends', ...packages]);
  using(holdServicesBack(), () => {
    try {
      install();
    } catch {
      // The lists may be missing or old, as on a fresh system; the second failure is the one to show.
      apt(['update']);
      install();
    }
  });
}

/** Debian asks this file before a package starts its service; 101 says no. */
function holdServicesBack() {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return () => {};
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const release = () => rmSync(policy, { force: true });
  const interrupted = () => {
    release();
    process.exit(130);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  return () => {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    release();
  };
}

function using(release, body) {
  try {
    body();
  } finally {
    release();
  }
}

function whatToInstall(missing, why) {
  const names = column => missing.map(need => (column < 0 ? need.package : need.others[column])).join(' ');
  return [
    `These programs are missing, and cannot be installed from here (${why}):`,
    ...missing.map(need => `  ${need.program.padEnd(10)} ${need.for}`),
    '',
    'Install them, then run this again:',
    `  Debian, Ubuntu:  sudo apt-get install --no-install-recommends ${names(-1)}`,
    `  Fedora:          sudo dnf install ${names(0)}`,
    `  Arch:            sudo pacman -S ${names(1)}`,
    `  Alpine:          sudo apk add ${names(2)}`,
  ].join('\n');
}
