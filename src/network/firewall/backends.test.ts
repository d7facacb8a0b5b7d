import { describe, expect, test } from 'bun:test';
import { type BackendHost, chooseBackend } from './backends.ts';

function hostWith(options: { nftables: boolean; iptables: readonly (4 | 6)[] }): BackendHost {
  return {
    hasNftables: () => options.nftables,
    hasIptables: family => options.iptables.includes(family),
  };
}

const modern = hostWith({ nftables: true, iptables: [] });
const old = hostWith({ nftables: false, iptables: [4, 6] });
const bare = hostWith({ nftables: false, iptables: [] });

describe('without a word about it the rules are made with', () => {
  test('nf_tables where the kernel has it', () => {
    expect(chooseBackend(undefined, [4, 6], modern)).toBe('nftables');
    expect(chooseBackend(undefined, [4, 6], hostWith({ nftables: true, iptables: [4, 6] }))).toBe('nftables');
  });

  test('iptables where it has not', () => {
    expect(chooseBackend(undefined, [4, 6], old)).toBe('iptables');
  });

  test('neither of them where there is neither, and what to do is said', () => {
    expect(() => chooseBackend(undefined, [4, 6], bare)).toThrow(
      'the kernel has no nf_tables, and iptables-restore and iptables-save and ip6tables-restore and ip6tables-save that can do without can not be found: install iptables (iptables-legacy), or start with --iptables=false --ip6tables=false',
    );
    expect(chooseBackend(undefined, [], bare)).toBeUndefined();
  });

  test('iptables for the family that it is there for', () => {
    const only4 = hostWith({ nftables: false, iptables: [4] });
    expect(chooseBackend(undefined, [4], only4)).toBe('iptables');
    expect(() => chooseBackend(undefined, [4, 6], only4)).toThrow('ip6tables-restore and ip6tables-save');
    // Names in containers are led by it, though there are to be no rules of the host.
    expect(chooseBackend(undefined, [], only4)).toBe('iptables');
  });
});

test('what is asked for is used, or refused', () => {
  expect(chooseBackend('iptables', [4, 6], hostWith({ nftables: true, iptables: [4, 6] }))).toBe('iptables');
  expect(chooseBackend('nftables', [4, 6], modern)).toBe('nftables');
  expect(() => chooseBackend('iptables', [4], modern)).toThrow(
    'firewall-backend is set to iptables, but iptables-restore and iptables-save can not be found: install iptables',
  );
  expect(() => chooseBackend('nftables', [4, 6], old)).toThrow(
    'firewall-backend is set to nftables, but the kernel has no nf_tables',
  );
});
