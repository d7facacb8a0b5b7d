/** The pairs of operating system and architecture that a manifest may be annotated with, as Docker's client has them. */
const pairs: Record<string, string> = {
  darwin: '386 amd64 arm arm64',
  dragonfly: 'amd64',
  freebsd: '386 amd64 arm',
  linux: '386 amd64 arm arm64 loong64 mips64 mips64le ppc64le riscv64 s390x',
  netbsd: '386 amd64 arm',
  openbsd: '386 amd64 arm',
  plan9: '386 amd64',
  solaris: 'amd64',
  windows: '386 amd64 arm arm64',
};

export function isKnownPair(os: string, architecture: string): boolean {
  return (pairs[os] ?? '').split(' ').includes(architecture) && architecture !== '';
}
