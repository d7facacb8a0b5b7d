// Platforms: how they are written, and which of an image's suits a machine.
import { arch } from 'node:os';
import { invalid } from './errors.ts';

export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
  'os.version'?: string;
  'os.features'?: string[];
}

const architectures: Record<string, { architecture: string; variant?: string }> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  i386: { architecture: '386' },
  i486: { architecture: '386' },
  i586: { architecture: '386' },
  i686: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
};

const known = new Set(
  '386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm'.split(' '),
);
const systems = new Set(
  'aix android darwin dragonfly freebsd illumos linux netbsd openbsd plan9 solaris windows wasip1'.split(' '),
);

/** Of two spellings the usual one. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os === 'macos' ? 'darwin' : platform.os.toLowerCase();
  const given = platform.architecture.toLowerCase();
  const { architecture, variant } = architectures[given] ?? { architecture: given };
  const chosen = platform.variant?.toLowerCase() || variant || (architecture === 'arm' ? 'v7' : '');
  const usual = { amd64: 'v1', arm64: 'v8' }[architecture];
  const spelled = /^[5-8]$/.test(chosen) ? `v${chosen}` : chosen;
  const { variant: _replaced, ...rest } = platform;
  return { ...rest, os, architecture, ...(spelled !== '' && spelled !== usual && { variant: spelled }) };
}

/** "linux/arm64", "linux/arm/v7", and the short "linux" or "arm64". */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  if (parts.length > 3 || parts.some(part => !/^[A-Za-z0-9_.-]+$/.test(part))) throw badPlatform(text);
  const host = hostPlatform();
  const [first = '', second, variant] = parts;
  if (second !== undefined) return normalizePlatform({ os: first, architecture: second, variant });
  if (systems.has(first.toLowerCase())) return { ...host, os: first.toLowerCase() };
  const single = normalizePlatform({ os: host.os, architecture: first });
  if (!known.has(single.architecture)) throw badPlatform(text);
  return single;
}

const badPlatform = (text: string) =>
  invalid(`${JSON.stringify(text)} is an invalid platform: it must look like "linux/amd64" or "linux/arm/v7"`);

/** As the newer endpoints take a platform: {"os": "linux", "architecture": "arm64"}. */
export function platformFromJson(text: string): Platform {
  const { os, architecture, variant } = jsonObject(text);
  if (typeof os !== 'string' || os === '' || typeof architecture !== 'string' || architecture === '') {
    throw invalid('both OS and Architecture must be provided');
  }
  return { os, architecture, ...(typeof variant === 'string' && variant !== '' && { variant }) };
}

function jsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(`failed to parse platform: ${JSON.stringify(text)} is no JSON`, error);
  }
  if (typeof value !== 'object' || value === null) throw invalid('failed to parse platform: it is no JSON object');
  return value as Record<string, unknown>;
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os || 'unknown', architecture, variant].filter(Boolean).join('/');
}

export function hostPlatform(): Platform {
  return normalizePlatform({
    os: process.platform,
    architecture: { x64: 'amd64', ia32: '386' }[arch() as string] ?? arch(),
  });
}

export function samePlatform(one: Platform, other: Platform): boolean {
  return formatPlatform(normalizePlatform(one)) === formatPlatform(normalizePlatform(other));
}

/** How well a machine of platform `host` runs `candidate`: 0 is best; undefined is not at all. */
export function platformRank(candidate: Platform, host: Platform): number | undefined {
  const [has, wants] = [normalizePlatform(candidate), normalizePlatform(host)];
  const rank = runnable(wants).findIndex(each => formatPlatform(each) === formatPlatform(has));
  return rank < 0 ? undefined : rank;
}

/** What a machine can run, best first. */
function runnable(host: Platform): Platform[] {
  const { os, architecture } = host;
  const version = (text: string | undefined, otherwise: number) => Number(text?.slice(1) ?? otherwise);
  const arm = (from: number) => range(from, 5).map(number => ({ os, architecture: 'arm', variant: `v${number}` }));
  switch (architecture) {
    case 'amd64': {
      const levels = range(version(host.variant, 1), 1).map(number =>
        normalizePlatform({ os, architecture, variant: `v${number}` }),
      );
      return [...levels, { os, architecture: '386' }];
    }
    case 'arm':
      return arm(version(host.variant, 7));
    case 'arm64':
      return [{ os, architecture }, ...arm(8)];
    default:
      return [host];
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, from - to + 1) }, (_, index) => from - index);
}
