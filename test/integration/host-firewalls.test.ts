// Hosts that have rules already, or get them later: containers are reached, and nobody's rules but ours are changed.
import { describe, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { startEngine } from '../support/engine.ts';
import { iptablesKinds, withFirewall } from '../support/firewalls.ts';
import { Machine } from '../support/machines.ts';
import { fetchFrom, HOST, HOST6, NEIGHBOUR, NetworkHost } from '../support/network-host.ts';
import { until } from '../support/until.ts';

const TRUNCATED_COUNTERS = /packets \d+ bytes \d+/g;

/** Tools of others, as a person of the host uses them. */
const onHost = (lan: NetworkHost, ...command: string[]) => lan.host.output(...command);

async function expectTraffic(lan: NetworkHost): Promise<void> {
  await until(async () => (await fetchFrom(lan.neighbour, `http://${HOST}:8080/`)) === 'web', { within: 10_000 });
  expect(await lan.exec('web', 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
}

describe('rules that were there before', () => {
  for (const [kind, program] of [
    ['the older iptables', 'iptables-legacy'],
    ['iptables on nf_tables', 'iptables-nft'],
  ] as const) {
    test(`${kind}, with a policy of drop`, async () => {
      await using lan = await NetworkHost.start({
        beforeStart: host => {
          for (const args of [
            ['-P', 'FORWARD', 'DROP'],
            ['-A', 'FORWARD', '-s', '203.0.113.0/24', '-j', 'ACCEPT'],
          ]) {
            expect(Bun.spawnSync([...host.enter, program, ...args]).exitCode).toBe(0);
          }
        },
      });
      const before = await onHost(lan, program, '-S');
      await lan.web('web', '-p', '8080:80');
      await expectTraffic(lan);
      await lan.docker('network', 'create', 'more');
      await lan.web('other', '--network', 'more');
      expect(await lan.exec('other', 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
      // What others decide for others goes on.
      const added = async () => {
        const rules = (await onHost(lan, program, '-S')).split('\n').filter(line => line.includes('dockyard'));
        const inForward = rules.filter(rule => rule.startsWith('-A FORWARD '));
        const bridges = rules.filter(rule => /^-A dockyard-\w+ -i \S+ -j /.test(rule));
        return { inForward: inForward.length, bridges: bridges.length };
      };
      expect(await added()).toEqual({ inForward: 1, bridges: 2 });
      await lan.docker('rm', '-f', 'other');
      await lan.docker('network', 'rm', 'more');
      expect(await added()).toEqual({ inForward: 1, bridges: 1 });
      await lan.engine.kill();
      await lan.engine.start();
      expect(await added()).toEqual({ inForward: 1, bridges: 1 });
      await expectTraffic(lan);
      await lan.docker('rm', '-f', 'web');
      await lan.engine.stop();
      expect(await onHost(lan, program, '-S')).toBe(before);
    });
  }

  test('the older iptables that drops nothing is left alone', async () => {
    await using lan = await NetworkHost.start({
      beforeStart: host => {
        expect(Bun.spawnSync([...host.enter, 'iptables-legacy', '-A', 'FORWARD', '-j', 'ACCEPT']).exitCode).toBe(0);
      },
    });
    const before = await onHost(lan, 'iptables-legacy', '-S');
    await lan.web('web', '-p', '8080:80');
    await expectTraffic(lan);
    expect(await onHost(lan, 'iptables-legacy', '-S')).toBe(before);
  });
});

describe('a last rule that drops everything', () => {
  const chain =
    'add table inet mine; add chain inet mine pass { type filter hook forward priority 5; policy accept; }; ';
  for (const [who, ...commands] of [
    [
      'of nftables',
      ['nft', `${chain} add rule inet mine pass ct state established accept; add rule inet mine pass log drop`],
    ],
    ['of iptables on nf_tables', ['iptables-nft', '-A', 'FORWARD', '-j', 'REJECT']],
    ['of the older iptables', ['iptables-legacy', '-A', 'FORWARD', '-j', 'DROP']],
    ['of the older iptables, which rejects', ['iptables-legacy', '-A', 'FORWARD', '-j', 'REJECT']],
  ] as const) {
    test(`${who} does not hold up ours, and goes on for others`, async () => {
      await using lan = await NetworkHost.start({
        beforeStart: host => {
          for (const command of commands) expect(Bun.spawnSync([...host.enter, ...command]).exitCode).toBe(0);
        },
      });
      await lan.web('web', '-p', '8080:80');
      await expectTraffic(lan);
      await lan.docker('rm', '-f', 'web');
      await lan.engine.stop();
      const rules = await Promise.all([onHost(lan, 'nft', 'list', 'ruleset'), onHost(lan, 'iptables-legacy', '-S')]);
      expect(rules.join('\n')).not.toContain('dockyard');
    });
  }
});

describe.each(iptablesKinds)('an engine with the rules in %s', kind => {
  const other = kind === 'iptables-nft' ? 'iptables-legacy' : 'iptables-nft';
  const pass = 'add table inet mine; add chain inet mine pass { type filter hook forward priority 5;';
  const onlyEstablished = 'add rule inet mine pass ct state established accept; add rule inet mine pass drop';

  test('passes all that drop, itself, the other kind and nftables, and closes what it closes all the same', async () => {
    await using lan = await NetworkHost.start({
      firewall: kind,
      beforeStart: async host => {
        await host.output(kind, '-P', 'FORWARD', 'DROP');
        await host.output(other, '-A', 'FORWARD', '-j', 'REJECT');
        await host.output('nft', `${pass} policy accept; }; ${onlyEstablished}`);
      },
    });
    const listed = () =>
      Promise.all([
        ...[kind, other].map(program => onHost(lan, program, '-S')),
        onHost(lan, 'nft', 'list', 'table', 'inet', 'mine'),
      ]);
    const before = await listed();
    await lan.docker('network', 'create', '--subnet', '10.66.0.0/24', 'more');
    await lan.web('web', '-p', '8080:80');
    await lan.web('shut', '--network', 'more', '--ip', '10.66.0.10');
    lan.neighbour.addRoute('10.66.0.0/24', HOST);
    await expectTraffic(lan);
    expect(await lan.exec('shut', 'ping', '-c1', '-W2', NEIGHBOUR)).toContain('1 packets received');
    expect(await fetchFrom(lan.inside('shut'), `http://${HOST}:8080/`)).toBe('web');
    const intruders = [lan.neighbour, lan.inside('web')];
    expect(await Promise.all(intruders.map(from => fetchFrom(from, 'http://10.66.0.10/')))).toEqual(['', '']);
    await lan.engine.kill();
    await lan.engine.start();
    await expectTraffic(lan);
    await lan.remove('web', 'shut');
    await lan.docker('network', 'rm', 'more');
    await lan.engine.stop();
    expect(await listed()).toEqual(before);
  });

  test('passes what begins to drop while it runs', async () => {
    await using lan = await NetworkHost.start({ firewall: kind });
    await lan.web('web', '-p', '8080:80');
    await onHost(lan, 'nft', `${pass} policy drop; }`);
    await onHost(lan, other, '-P', 'FORWARD', 'DROP');
    await expectTraffic(lan);
    await onHost(lan, 'nft', `delete table inet mine; ${pass} policy drop; }`);
    await onHost(lan, other, '-F');
    await expectTraffic(lan);
  });
});

describe('rules that come later', () => {
  const firewalld = [
    'add table inet firewalld',
    'add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; policy accept; }',
    'add rule inet firewalld filter_FORWARD ct state established,related accept',
    'add rule inet firewalld filter_FORWARD reject',
  ].join('; ');
  const ufw = 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }';

  for (const [who, rules, table] of [
    ['of firewalld', firewalld, ['inet', 'firewalld']],
    ['with a policy of drop', ufw, ['ip', 'filter']],
  ] as const) {
    test(`${who}, and are made anew`, async () => {
      await using lan = await NetworkHost.start();
      await lan.web('web', '-p', '8080:80');
      await expectTraffic(lan);
      await onHost(lan, 'nft', rules);
      await expectTraffic(lan);
      // As with a reload.
      await onHost(lan, 'nft', `delete table ${table.join(' ')}; ${rules}`);
      await expectTraffic(lan);
      await lan.docker('rm', '-f', 'web');
      await lan.engine.stop();
      expect(await onHost(lan, 'nft', 'list', 'table', ...table)).not.toContain('dockyard');
    });
  }
});

test('the older iptables may begin to drop, or lose our rules, while containers run', async () => {
  await using lan = await NetworkHost.start();
  await lan.web('web', '-p', '8080:80');
  await expectTraffic(lan);
  await onHost(lan, 'iptables-legacy', '-P', 'FORWARD', 'DROP');
  await expectTraffic(lan);
  const ours = async () => (await onHost(lan, 'iptables-legacy', '-S')).match(/dockyard/g)?.length ?? 0;
  const before = await ours();
  await onHost(lan, 'iptables-legacy', '-F');
  // Who starts next does not wait for it to be noticed.
  const ping = ['run', '--rm', 'busybox', 'ping', '-c1', '-W1', NEIGHBOUR];
  expect(await lan.docker(...ping)).toContain('1 packets received');
  expect(await ours()).toBe(before);
  await onHost(lan, 'iptables-legacy', '-P', 'FORWARD', 'ACCEPT');
  await until(async () => (await ours()) === 0, { within: 20_000 });
  await expectTraffic(lan);
});

describe('a table that nobody else may change', () => {
  /** As long as the program lives that made it. */
  async function lock(lan: NetworkHost, table: string): Promise<Disposable> {
    const owner = Bun.spawn([...lan.host.enter, 'nft', '-i'], { stdin: 'pipe', stdout: 'ignore', stderr: 'ignore' });
    owner.stdin.write(`add table inet ${table} { flags owner; }\n`);
    owner.stdin.write(`add chain inet ${table} pass { type filter hook forward priority 10; policy drop; }\n`);
    owner.stdin.flush();
    await until(async () => (await onHost(lan, 'nft', 'list', 'ruleset')).includes('chain pass'));
    return { [Symbol.dispose]: () => owner.kill() };
  }

  test('is told of, and keeps nobody from working', async () => {
    await using lan = await NetworkHost.start();
    using _owner = await lock(lan, 'theirs');
    await lan.web('web', '-p', '8080:80');
    expect(lan.engine.log).toContain('a firewall lets nobody change its table');
    expect(lan.engine.log).toContain('table=theirs');
  });

  test('is firewalld’s: it is asked to let bridges pass, again when it begins anew, and no more in the end', async () => {
    const directory = mkdtempSync(`${tmpdir()}/firewalld-`);
    const asked = `${directory}/asked`;
    const zones = `${directory}/zones`;
    await Bun.write(
      `${directory}/firewall-cmd`,
      [
        '#!/bin/sh',
        `echo "$*" >> ${asked}`,
        `case "$*" in`,
        `--get-zone-of-interface=*) grep -q "\${1#*=}" ${zones} && echo trusted || exit 2 ;;`,
        `*--add-interface=*) echo "\${2#*=}" >> ${zones} ;;`,
        `*) : > ${zones} ;;`,
        'esac',
      ].join('\n'),
    );
    chmodSync(`${directory}/firewall-cmd`, 0o755);
    await using lan = await NetworkHost.start({ environment: { PATH: `${directory}:${process.env['PATH']}` } });
    const said = () => readFileSync(asked, 'utf8').trim().split('\n');
    let owner = await lock(lan, 'firewalld');
    try {
      await lan.web('web', '-p', '8080:80');
      const bridge = /dy-\w+/.exec(lan.interfaces().join(' '))![0];
      const admission = [`--get-zone-of-interface=${bridge}`, `--zone=trusted --add-interface=${bridge}`];
      expect(said()).toEqual(admission);
      // As with a restart.
      owner[Symbol.dispose]();
      await until(async () => !(await onHost(lan, 'nft', 'list', 'ruleset')).includes('chain pass'));
      await Bun.write(zones, '');
      owner = await lock(lan, 'firewalld');
      await until(() => said().slice(-2).join() === admission.join() && said().length > 2);
      await lan.docker('rm', '-f', 'web');
      await lan.engine.stop();
      expect(said().at(-1)).toBe(`--zone=trusted --remove-interface=${bridge}`);
    } finally {
      owner[Symbol.dispose]();
      rmSync(directory, { recursive: true });
    }
  });
});

describe('the way out', () => {
  const DROPPING =
    'add table ip theirs; add chain ip theirs pass { type filter hook forward priority 0; policy drop; }';
  const FAR = '198.51.100.9';
  const reaches = async (lan: NetworkHost, address: string) =>
    (await lan.exec('web', 'ping', '-c1', '-W1', address)).includes('1 packets received');

  test('may be made while containers run, and so may the rules that close it', async () => {
    using far = Machine.create();
    await using lan = await NetworkHost.start();
    await lan.web('web');
    await onHost(lan, 'nft', DROPPING);
    lan.host.connect(far, 'second');
    lan.host.addAddresses('second', '198.51.100.1/24');
    far.addAddresses('second', `${FAR}/24`);
    far.addRoute('0.0.0.0/0', '198.51.100.1');
    await until(() => reaches(lan, FAR), { within: 10_000 });
    expect(await reaches(lan, NEIGHBOUR)).toBe(true);
  });

  test('may be a bridge', async () => {
    await using lan = await NetworkHost.start({
      beforeStart: async host => {
        const ip = (...args: string[]) => host.output('ip', ...args);
        await ip('addr', 'flush', 'dev', 'wire');
        await ip('link', 'add', 'br0', 'type', 'bridge');
        await ip('link', 'set', 'wire', 'master', 'br0');
        await ip('addr', 'add', `${HOST}/24`, 'dev', 'br0');
        await ip('link', 'set', 'br0', 'up');
        await ip('route', 'add', 'default', 'via', NEIGHBOUR);
        await host.output('nft', DROPPING);
      },
    });
    await lan.web('web', '-p', '8080:80');
    await expectTraffic(lan);
  });

  test.each(['nftables', 'iptables-nft'] as const)(
    'of two engines on one host leads to the ports of the other, and no further, when the other has %s',
    async firewall => {
      await using lan = await NetworkHost.start({
        beforeStart: async host => void (await host.output('iptables-nft', '-P', 'FORWARD', 'DROP')),
      });
      await using second = await startEngine(withFirewall({ bridge: true, through: lan.host.enter }, firewall));
      await lan.web('web', '-p', '8080:80');
      await second.output('network', 'create', '--internal', 'inside');
      const serve = ['busybox', 'sh', '-c', 'mkdir /www; echo other > /www/index.html; exec httpd -f -p 80 -h /www'];
      await second.output('run', '-d', '--name', 'other', '-p', '8081:80', ...serve);
      await second.output('run', '-d', '--name', 'hidden', '--network', 'inside', ...serve);
      const other = { run: (...command: string[]) => second.docker('exec', 'other', ...command) };
      const address = (name: string, network: string) =>
        second.output('inspect', '-f', `{{.NetworkSettings.Networks.${network}.IPAddress}}`, name);
      await until(async () => (await fetchFrom(other, `http://${HOST}:8080/`)) === 'web', { within: 10_000 });
      await until(async () => (await fetchFrom(lan.inside('web'), `http://${HOST}:8081/`)) === 'other', {
        within: 10_000,
      });
      for (const machine of [lan.inside('web'), other]) {
        expect((await machine.run('ping', '-c1', '-W2', NEIGHBOUR)).stdout).toContain('1 packets received');
      }
      expect(await fetchFrom(other, `http://${await lan.address('web', 'bridge')}/`)).toBe('');
      expect(await fetchFrom(lan.inside('web'), `http://${await address('other', 'bridge')}/`)).toBe('');
      expect(await fetchFrom(lan.inside('web'), `http://${await address('hidden', 'inside')}/`)).toBe('');
      await second.output('rm', '-f', 'other', 'hidden');
      await second.output('network', 'rm', 'inside');
      await second.stop();
      const chains = (await onHost(lan, 'iptables-nft', '-S')).match(/^-N dockyard-/gm);
      expect(chains).toHaveLength(3);
    },
  );
});

test('when somebody flushes the rules of the host, ours are made again, and nothing fails for it', async () => {
  await using lan = await NetworkHost.start({
    beforeStart: host => {
      host.setSysctl('net/ipv4/ip_forward', '0');
    },
  });
  await lan.docker('network', 'create', 'extra');
  await lan.web('web', '-p', '8080:80');
  await lan.web('brief', '-p', '8081:80', '--network', 'extra');
  await expectTraffic(lan);
  const rules = () => onHost(lan, 'nft', 'list', 'ruleset');
  const comparable = async () => (await rules()).replace(TRUNCATED_COUNTERS, '');
  const before = await comparable();
  await onHost(lan, 'nft', 'flush', 'ruleset');
  await until(async () => (await comparable()) === before, { within: 10_000 });
  await expectTraffic(lan);
  // The table stays, with its sets.
  const [table] = lan.tables();
  for (const part of [`table inet ${table}`, `chain inet ${table} forward`]) {
    await onHost(lan, 'nft', 'flush', ...part.split(' '));
    await until(async () => (await comparable()) === before, { within: 10_000 });
  }
  // At once, before anybody has noticed.
  await onHost(lan, 'nft', 'flush', 'ruleset');
  await lan.docker('rm', '-f', 'brief');
  await onHost(lan, 'nft', 'flush', 'ruleset');
  await lan.docker('network', 'rm', 'extra');
  await onHost(lan, 'nft', 'flush', 'ruleset');
  await lan.docker('network', 'create', 'another');
  await onHost(lan, 'nft', 'flush', 'ruleset');
  await lan.web('next', '-p', '8081:80');
  expect(await fetchFrom(lan.neighbour, `http://${HOST}:8081/`)).toBe('next');
  expect(await rules()).toContain('policy drop');
});

test('our table is one, and other tables stay as they are, whatever is done', async () => {
  const theirs =
    'add table inet theirs; add set inet theirs bad { type ipv4_addr; elements = { 203.0.113.7 }; }; ' +
    'add chain inet theirs input { type filter hook input priority 0; policy accept; }; ' +
    'add rule inet theirs input ip saddr @bad counter drop; ' +
    'add table ip nat; add chain ip nat POSTROUTING { type nat hook postrouting priority 100; }';
  await using lan = await NetworkHost.start({
    beforeStart: host => {
      expect(Bun.spawnSync([...host.enter, 'nft', theirs]).exitCode).toBe(0);
    },
  });
  const others = async () => {
    const listed = await Promise.all([
      onHost(lan, 'nft', 'list', 'table', 'inet', 'theirs'),
      onHost(lan, 'nft', 'list', 'table', 'ip', 'nat'),
    ]);
    return listed.join('\n').replace(TRUNCATED_COUNTERS, '');
  };
  const before = await others();
  await lan.docker('network', 'create', 'extra');
  await lan.web('web', '-p', '8080:80');
  await lan.docker('network', 'connect', 'extra', 'web');
  await expectTraffic(lan);
  const tables = (await onHost(lan, 'nft', 'list', 'tables')).split('\n').filter(line => line.includes('dockyard'));
  expect(tables).toHaveLength(1);
  await lan.engine.kill();
  await lan.engine.start();
  await expectTraffic(lan);
  await lan.docker('rm', '-f', 'web');
  await lan.docker('network', 'rm', 'extra');
  expect(await others()).toBe(before);
  await lan.engine.stop();
  expect(await others()).toBe(before);
});

describe('routing for others', () => {
  const FAR = '198.51.100.9';
  const FAR6 = '2001:db8:2::9';

  /** A host between two wires, which routes by IPv6 and not by IPv4. */
  async function startBetween(flags: string[]): Promise<{ lan: NetworkHost; far: Machine }> {
    const far = Machine.create();
    const lan = await NetworkHost.start({
      flags,
      beforeStart: host => {
        host.connect(far, 'second');
        host.addAddresses('second', '198.51.100.1/24', '2001:db8:2::1/64');
        far.addAddresses('second', `${FAR}/24`, `${FAR6}/64`);
        far.addRoute('0.0.0.0/0', '198.51.100.1');
        far.addRoute('::/0', '2001:db8:2::1');
        host.setSysctl('net/ipv4/ip_forward', '0');
        host.setSysctl('net/ipv6/conf/all/forwarding', '1');
      },
    });
    lan.neighbour.addRoute('198.51.100.0/24', HOST);
    lan.neighbour.addRoute('2001:db8:2::/64', HOST6);
    return { lan, far };
  }

  const reaches = async (lan: NetworkHost, address: string) => {
    const ping = address.includes(':') ? 'ping6' : 'ping';
    return (await lan.neighbour.run('busybox', ping, '-c1', '-W1', address)).code === 0;
  };

  test('goes on in the family in which the host did it, and does not begin in the other', async () => {
    const { lan, far } = await startBetween([]);
    using _far = far;
    await using _lan = lan;
    await until(() => reaches(lan, FAR6));
    expect(await reaches(lan, FAR)).toBe(false);
    await lan.web('web', '-p', '8080:80');
    await expectTraffic(lan);
    expect({ four: await reaches(lan, FAR), six: await reaches(lan, FAR6) }).toEqual({ four: false, six: true });
    await lan.engine.kill();
    await lan.engine.start();
    expect({ four: await reaches(lan, FAR), six: await reaches(lan, FAR6) }).toEqual({ four: false, six: true });
  });

  test('begins with --ip-forward-no-drop', async () => {
    const { lan, far } = await startBetween(['--ip-forward-no-drop']);
    using _far = far;
    await using _lan = lan;
    await lan.web('web', '-p', '8080:80');
    await expectTraffic(lan);
    expect(await reaches(lan, FAR)).toBe(true);
  });

  test('and for containers is not switched on with --ip-forward=false', async () => {
    const { lan, far } = await startBetween(['--ip-forward=false']);
    using _far = far;
    await using _lan = lan;
    await lan.web('web');
    expect(await lan.exec('web', 'ping', '-c1', '-W1', NEIGHBOUR)).not.toContain('1 packets received');
  });
});
