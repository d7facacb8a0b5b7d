// The drivers that put containers on the host's own wire: macvlan and ipvlan in all their modes.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { KernelError } from '../../src/kernel/libc.ts';
import { message } from '../../src/kernel/rtnetlink/message.ts';
import { Machine } from '../support/machines.ts';
import { fetchFrom, HOST, NEIGHBOUR, NetworkHost } from '../support/network-host.ts';

let lan: NetworkHost;

beforeAll(async () => {
  lan = await NetworkHost.start();
});

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
});

const wired = ['--subnet', '192.0.2.0/24', '--ip-range', '192.0.2.128/25', '-o', 'parent=wire'];

const probe = Machine.create();
// Not the loopback: no VLAN can be on it, whatever the kernel knows.
probe.route.send(message.newLink({ kind: 'bridge', name: 'probe-parent' }));
afterAll(() => probe[Symbol.dispose]());

/** Not every kernel has them all; where one is missing, what needs it is left out, and said to be. */
function without(kind: 'dummy' | 'vlan' | 'ipvlan'): boolean {
  const name = `probe-${kind}`;
  try {
    const parent = probe.route.link('probe-parent').index;
    if (kind === 'dummy') probe.route.send(message.newLink({ kind, name }));
    if (kind === 'vlan') probe.route.send(message.newLink({ kind, name, parent, id: 1 }));
    if (kind === 'ipvlan') probe.route.send(message.newLink({ kind, name, parent, mode: 'l2', flag: 'bridge' }));
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.code !== 'EOPNOTSUPP') return false;
    console.warn(`left out: this kernel has no interfaces of the kind ${kind}`);
    return true;
  }
  return false;
}

const noVlan = without('vlan');
const noDummy = without('dummy');
const noIpvlan = without('ipvlan');
const lacks = (driver: string) => driver === 'ipvlan' && noIpvlan;

/** The neighbour is on a VLAN of the wire too. */
function neighbourVlan(id: number, address: string): Disposable {
  const { route } = lan.neighbour;
  const name = `wire.${id}`;
  route.send(message.newLink({ kind: 'vlan', name, parent: route.link('wire').index, id }));
  route.send(message.setLink(name, { up: true }));
  lan.neighbour.addAddresses(name, address);
  return { [Symbol.dispose]: () => route.send(message.deleteLink(name)) };
}

describe('macvlan and ipvlan', () => {
  test('vepa sends everything to the wire, also what is meant for a neighbour', async () => {
    await lan.docker('network', 'create', '-d', 'macvlan', ...wired, '-o', 'macvlan_mode=vepa', 'vepa');
    await lan.web('v1', '--network', 'vepa');
    await lan.web('v2', '--network', 'vepa');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('v1', 'vepa')}/`)).toBe('v1');
    // Nobody out there sends it back.
    expect(await fetchFrom(lan.inside('v2'), 'http://v1/')).toBe('');
    await lan.remove('v1', 'v2');
    await lan.docker('network', 'rm', 'vepa');
  });

  test('passthru gives the whole interface to one container', async () => {
    const passthru = ['-d', 'macvlan', ...wired, '-o', 'macvlan_mode=passthru'];
    await lan.docker('network', 'create', ...passthru, 'through');
    const second = await lan.refused('network', 'create', '-d', 'macvlan', '-o', 'parent=wire', 'beside');
    expect(second.stderr).toContain('is already using parent interface wire in mode passthru');
    await lan.web('t1', '--network', 'through');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('t1', 'through')}/`)).toBe('t1');
    const busy = await lan.refused('run', '--rm', '--network', 'through', 'busybox', 'true');
    expect([busy.code, busy.stderr]).toEqual([125, expect.stringContaining('belongs to one container alone')]);
    await lan.remove('t1');
    await lan.docker('network', 'rm', 'through');
  });

  for (const driver of ['macvlan', 'ipvlan']) {
    test.skipIf(noVlan || lacks(driver))(
      `${driver} makes the VLAN it needs, and takes it away with its last network`,
      async () => {
        const subnet = ['--subnet', '198.51.100.0/24', '--ip-range', '198.51.100.128/25'];
        using _ = neighbourVlan(10, '198.51.100.9/24');
        await lan.docker('network', 'create', '-d', driver, ...subnet, '-o', 'parent=wire.10', 'tagged');
        expect(lan.interfaces()).toContain('wire.10');
        await lan.web('tag1', '--network', 'tagged');
        expect(await fetchFrom(lan.neighbour, `http://${await lan.address('tag1', 'tagged')}/`)).toBe('tag1');
        await lan.engine.kill();
        await lan.engine.start();
        expect(await fetchFrom(lan.neighbour, `http://${await lan.address('tag1', 'tagged')}/`)).toBe('tag1');
        // When somebody deletes it, the next container has it again.
        lan.host.route.send(message.deleteLink('wire.10'));
        await lan.web('tag2', '--network', 'tagged');
        expect(await fetchFrom(lan.neighbour, `http://${await lan.address('tag2', 'tagged')}/`)).toBe('tag2');
        await lan.remove('tag1', 'tag2');
        // Unless it is there under another name.
        lan.host.route.send(
          message.deleteLink('wire.10'),
          message.newLink({ kind: 'vlan', name: 'theirs', parent: lan.host.route.link('wire').index, id: 10 }),
        );
        const refusal = await lan.refused('run', '--rm', '--network', 'tagged', 'busybox', 'true');
        expect(refusal.stderr).toContain('cannot make wire.10: another interface of the host is that VLAN already');
        lan.host.route.send(message.deleteLink('theirs'));
        await lan.docker('network', 'rm', 'tagged');
        expect(lan.interfaces()).not.toContain('wire.10');
      },
    );

    test(`${driver} finds a parent that comes back, and says when there is none`, async () => {
      using far = Machine.create();
      lan.host.connect(far, 'other');
      far.addAddresses('other', '198.51.100.9/24');
      const subnet = ['--subnet', '198.51.100.0/24', '--ip-range', '198.51.100.128/25'];
      await lan.docker('network', 'create', '-d', driver, ...subnet, '-o', 'parent=other', 'away');
      lan.host.route.send(message.deleteLink('other'));
      const refusal = await lan.refused('run', '--rm', '--network', 'away', 'busybox', 'true');
      expect([refusal.code, refusal.stderr]).toEqual([
        125,
        expect.stringContaining('the requested parent interface other was not found on the host'),
      ]);
      lan.host.connect(far, 'other');
      far.addAddresses('other', '198.51.100.9/24');
      if (!lacks(driver)) {
        await lan.web('a1', '--network', 'away');
        expect(await fetchFrom(far, `http://${await lan.address('a1', 'away')}/`)).toBe('a1');
        await lan.remove('a1');
      }
      await lan.docker('network', 'rm', 'away');
      lan.host.route.send(message.deleteLink('other'));
    });

    test(`${driver} refuses VLANs that can’t be`, async () => {
      for (const id of ['0', '4095', '5000']) {
        const refusal = await lan.refused('network', 'create', '-d', driver, '-o', `parent=wire.${id}`, 'x');
        expect(refusal.stderr).toContain(`vlan id must be between 1-4094, received: ${id}`);
      }
    });

    test.skipIf(noDummy || lacks(driver))(
      `${driver} without a parent is a network of its own, without a way out`,
      async () => {
        await lan.docker('network', 'create', '-d', driver, 'lonely');
        await lan.web('l1', '--network', 'lonely');
        await lan.web('l2', '--network', 'lonely');
        expect(await fetchFrom(lan.inside('l2'), 'http://l1/')).toBe('l1');
        expect(await lan.exec('l1', 'ip', 'route')).not.toContain('default');
        expect(lan.interfaces().filter(name => name.startsWith('dm-'))).toHaveLength(1);
        await lan.remove('l1', 'l2');
        await lan.docker('network', 'rm', 'lonely');
        expect(lan.interfaces().filter(name => name.startsWith('dm-'))).toEqual([]);
      },
    );
  }

  test('macvlan and ipvlan may both have networks on one interface, whichever was first', async () => {
    for (const [first, second] of [
      ['macvlan', 'ipvlan'],
      ['ipvlan', 'macvlan'],
    ] as const) {
      await lan.docker('network', 'create', '-d', first, ...wired, 'first');
      await lan.docker('network', 'create', '-d', second, '--subnet', '10.36.0.0/24', '-o', 'parent=wire', 'second');
      const [of, other] = first === 'macvlan' ? ['first', 'second'] : ['second', 'first'];
      await lan.web('b1', '--network', of);
      if (!noIpvlan) {
        const busy = await lan.refused('run', '--rm', '--network', other, 'busybox', 'true');
        expect([busy.code, busy.stderr]).toEqual([125, expect.stringContaining('the parent interface wire is in use')]);
      }
      await lan.remove('b1');
      if (!noIpvlan) await lan.docker('run', '--rm', '--network', other, 'busybox', 'true');
      const passthru = ['-o', 'parent=wire', '-o', 'macvlan_mode=passthru', 'whole'];
      const refusal = await lan.refused('network', 'create', '-d', 'macvlan', ...passthru);
      expect(refusal.stderr).toMatch(/cannot use mode passthru, macvlan network \w+ is already using/);
      const twice = await lan.refused('network', 'create', '-d', 'ipvlan', '-o', 'parent=wire', 'twice');
      expect(twice.stderr).toContain(`network ${other} is already using parent interface wire`);
      await lan.docker('network', 'rm', 'first', 'second');
    }
  });

  test.skipIf(noIpvlan)('ipvlan l2: on the wire with the host’s own hardware address', async () => {
    const gateway = ['--gateway', NEIGHBOUR];
    await lan.docker('network', 'create', '-d', 'ipvlan', ...wired, ...gateway, 'flat');
    await lan.web('f1', '--network', 'flat');
    await lan.web('f2', '--network', 'flat');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('f1', 'flat')}/`)).toBe('f1');
    expect(await fetchFrom(lan.inside('f2'), 'http://f1/')).toBe('f1');
    const { index: _, macAddress } = lan.host.route.link('wire');
    expect(await lan.exec('f1', 'cat', '/sys/class/net/eth0/address')).toBe(macAddress);
    expect(await lan.exec('f1', 'ip', 'route')).toContain(`default via ${NEIGHBOUR}`);
    const { NetworkSettings } = await lan.engine.inspect('f1');
    expect(NetworkSettings?.Networks?.['flat']?.MacAddress).toBe('');
    const rival = await lan.refused('network', 'create', '-d', 'ipvlan', '-o', 'parent=wire', 'rival');
    expect(rival.stderr).toContain('is already using parent interface wire');
    await lan.docker('network', 'create', '-d', 'macvlan', '-o', 'parent=wire', 'other');
    const busy = await lan.refused('run', '--rm', '--network', 'other', 'busybox', 'true');
    expect([busy.code, busy.stderr]).toEqual([125, expect.stringContaining('the parent interface wire is in use')]);
    await lan.docker('network', 'rm', 'other');
    const mac = ['--network', 'flat', '--mac-address', '02:00:00:00:00:01'];
    expect((await lan.refused('run', '--rm', ...mac, 'busybox', 'true')).stderr).toContain(
      'ipvlan interfaces do not support custom mac address assignment',
    );
    await lan.remove('f1', 'f2');
    await lan.docker('network', 'rm', 'flat');
  });

  test.skipIf(noIpvlan).each(['l3', 'l3s'])('ipvlan %s: the host routes for its containers', async mode => {
    const subnet = ['--subnet', '10.35.0.0/24', '--subnet', '2001:db8:35::/64', '--ipv6'];
    await lan.docker(
      'network',
      'create',
      '-d',
      'ipvlan',
      ...subnet,
      '-o',
      'parent=wire',
      '-o',
      `ipvlan_mode=${mode}`,
      'deep',
    );
    lan.neighbour.addRoute('10.35.0.0/24', HOST);
    await lan.web('d1', '--network', 'deep');
    await lan.web('d2', '--network', 'deep');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('d1', 'deep')}/`)).toBe('d1');
    expect(await fetchFrom(lan.inside('d2'), `http://${await lan.address('d1', 'deep')}/`)).toBe('d1');
    expect(await fetchFrom(lan.inside('d2'), `http://[${await lan.address('d1', 'deep', 6)}]/`)).toBe('d1');
    expect(await lan.exec('d1', 'ip', 'route')).toContain('default dev eth0');
    await lan.remove('d1', 'd2');
    await lan.docker('network', 'rm', 'deep');
  });

  test.skipIf(noIpvlan)('ipvlan with the flag private keeps containers from each other', async () => {
    await lan.docker('network', 'create', '-d', 'ipvlan', ...wired, '-o', 'ipvlan_flag=private', 'shy');
    await lan.web('s1', '--network', 'shy');
    await lan.web('s2', '--network', 'shy');
    expect(await fetchFrom(lan.neighbour, `http://${await lan.address('s1', 'shy')}/`)).toBe('s1');
    expect(await fetchFrom(lan.inside('s2'), 'http://s1/')).toBe('');
    await lan.remove('s1', 's2');
    await lan.docker('network', 'rm', 'shy');
  });

  test('ipvlan refuses modes, flags and parents that it does not have', async () => {
    const refusal = (...options: string[]) => lan.refused('network', 'create', '-d', 'ipvlan', ...options, 'x');
    expect((await refusal('-o', 'ipvlan_mode=l4')).stderr).toContain("requested ipvlan mode 'l4' is not valid");
    expect((await refusal('-o', 'ipvlan_flag=odd')).stderr).toContain("requested ipvlan flag 'odd' is not valid");
    expect((await refusal('-o', 'parent=lo')).stderr).toContain('loopback interface is not a valid ipvlan parent link');
  });

  test.each(['bridge', 'macvlan', 'ipvlan'])('%s needs subnets', async driver => {
    const refusal = await lan.refused('network', 'create', '-d', driver, '--ipam-driver', 'null', 'x');
    expect(refusal.stderr).toContain('ipv4 pool is empty');
    const options = { Name: 'x', Driver: driver, EnableIPv4: false, EnableIPv6: true, IPAM: { Driver: 'null' } };
    const answer = await lan.engine.api.post('/networks/create', options);
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('ipv6 pool is empty')]);
  });
});
