import { expect, test } from 'bun:test';
import { compileProfile, parseProfile } from './profile.ts';

const target = { architecture: 'amd64', kernel: { version: 6, major: 1 }, capabilities: ['CAP_CHOWN'] };
const compile = (profile: object) => compileProfile(parseProfile(JSON.stringify(profile)), target);
const names = (profile: object) => compile(profile)?.syscalls?.flatMap(rule => rule.names);

test('the architectures are the machine’s, with what it can also run', () => {
  const archMap = [
    { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
    { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] },
  ];
  const profile = { defaultAction: 'SCMP_ACT_ERRNO', archMap, syscalls: [] };
  expect(compile(profile)?.architectures).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']);
  expect(() => compile({ ...profile, architectures: ['SCMP_ARCH_ARM'] })).toThrow('use either');
});

test('conditions choose the rules', () => {
  const rule = (name: string, condition: object) => ({ names: [name], action: 'SCMP_ACT_ALLOW', ...condition });
  const syscalls = [
    rule('plain', {}),
    rule('has-cap', { includes: { caps: ['CAP_CHOWN'] } }),
    rule('lacks-cap', { includes: { caps: ['CAP_CHOWN', 'CAP_BPF'] } }),
    rule('excluded-cap', { excludes: { caps: ['CAP_CHOWN'] } }),
    rule('this-arch', { includes: { arches: ['arm64', 'amd64'] } }),
    rule('other-arch', { includes: { arches: ['arm64'] } }),
    rule('excluded-arch', { excludes: { arches: ['amd64'] } }),
    rule('old-kernel', { includes: { minKernel: '4.8' } }),
    rule('new-kernel', { includes: { minKernel: '6.2' } }),
    rule('excluded-kernel', { excludes: { minKernel: '6.1' } }),
  ];
  expect(names({ defaultAction: 'SCMP_ACT_ERRNO', syscalls })).toEqual(['plain', 'has-cap', 'this-arch', 'old-kernel']);
});

test('the old form with one name is understood, and not both', () => {
  const profile = (rule: object) => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [rule] });
  expect(names(profile({ name: 'read', action: 'SCMP_ACT_ALLOW' }))).toEqual(['read']);
  expect(() => names(profile({ name: 'read', names: ['write'], action: 'SCMP_ACT_ALLOW' }))).toThrow('use either');
});

test('64 bit values keep all their bits', () => {
  const text = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO",
    "args":[{"index":0,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]}]}`;
  const compiled = compileProfile(parseProfile(text), target);
  expect(compiled?.syscalls?.[0]?.args?.[0]?.value).toBe(18446744073709551615n);
});

test('a profile that says nothing is none', () => {
  expect(compile({})).toBeUndefined();
});

test('what is no profile is refused', () => {
  for (const text of ['', '[]', '{"syscalls":1}', '{"syscalls":[{"names":"read"}]}', '{"defaultAction":1}']) {
    expect(() => parseProfile(text)).toThrow('Decoding seccomp profile failed');
  }
  const withKernel = (minKernel: string) => ({ syscalls: [{ names: ['read'], includes: { minKernel } }] });
  for (const bad of ['4', '4.8.1', '0.0', '300.1', 'new']) {
    expect(() => compile(withKernel(bad))).toThrow('invalid kernel version');
  }
});
