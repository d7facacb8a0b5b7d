import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCommandLine } from './command-line.ts';
import { parseConfig } from './config-file.ts';
import { helpText } from './help.ts';
import { mergeSettings, settingsOf } from './settings.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'dockyard-settings-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const given = (...args: string[]) => parseCommandLine(args).given;
const merged = (flags: string[], file: object) => mergeSettings(given(...flags), parseConfig(JSON.stringify(file)));

describe('the command line', () => {
  test('takes flags in every form', () => {
    expect(given('-D', '-l', 'warn', '--group=x', '-Hunix:///a', '-H=tcp://b', '--host', 'fd://', '-DG', 'y')).toEqual({
      debug: true,
      logLevel: 'warn',
      group: 'y',
      hosts: ['unix:///a', 'tcp://b', 'fd://'],
    });
  });
  test('takes switches with a value', () => {
    expect(given('--icc=false', '--debug=true', '--iptables=0')).toEqual({ icc: false, debug: true, iptables: false });
  });
  test('collects lists and maps', () => {
    expect(
      given(
        '--label=a=b',
        '--label=c=d',
        '--log-opt=max-size=10m',
        '--log-opt=tag=a=b',
        '--default-ulimit=nofile=5:10',
        '--default-ulimit=core=-1',
        '--add-runtime=my=/bin/my',
        '--default-address-pool=base=10.0.0.0/8,size=24',
        '--default-network-opt=bridge=mtu=1400',
        '--default-network-opt=bridge=icc=false',
      ),
    ).toEqual({
      labels: ['a=b', 'c=d'],
      logOptions: { 'max-size': '10m', tag: 'a=b' },
      defaultUlimits: { nofile: { name: 'nofile', soft: 5, hard: 10 }, core: { name: 'core', soft: -1, hard: -1 } },
      runtimes: { my: { path: '/bin/my', args: [] } },
      defaultAddressPools: [{ base: '10.0.0.0/8', size: 24 }],
      defaultNetworkOptions: { bridge: { mtu: '1400', icc: 'false' } },
    });
  });
  test('reads sizes', () => {
    expect(given('--default-shm-size=128m')).toEqual({ defaultShmSize: 128 * 1024 * 1024 });
    expect(given('--default-shm-size=1.5GiB')).toEqual({ defaultShmSize: 1.5 * 1024 ** 3 });
  });
  test('shows help and version', () => {
    expect(parseCommandLine(['--help']).show).toBe('help');
    expect(parseCommandLine(['-v']).show).toBe('version');
    expect(helpText()).toContain('-H, --host list');
  });

  const wrong: [string[], string][] = [
    [['--nope'], 'unknown flag: --nope'],
    [['-Z'], "unknown shorthand flag: 'Z' in -Z"],
    [['run'], '"dockerd" accepts no arguments.'],
    [['--', 'run'], '"dockerd" accepts no arguments.'],
    [['--data-root'], 'flag needs an argument: --data-root'],
    [['-H'], "flag needs an argument: 'H' in -H"],
    [['--mtu=x'], 'invalid argument "x" for "--mtu" flag: must be a whole number'],
    [['--debug=maybe'], 'invalid argument "maybe" for "--debug" flag'],
    [['--log-level=loud'], 'is none of debug, info, warn, error, fatal'],
    [['--label=x'], 'bad attribute format: x'],
    [['--dns=x'], '"x" is no IP address'],
    [['--default-ulimit=nofile=10:5'], 'soft limit must be less than or equal to hard limit'],
    [['--default-ulimit=nope=1'], 'invalid ulimit type: nope'],
    [['--add-runtime=x'], 'invalid runtime argument: x'],
    [['--exec-opt=native.cgroupdriver=openrc'], 'systemd or cgroupfs'],
    [['--exec-opt=isolation=process'], 'there is no such exec-opt'],
    [['--registry-mirror=ftp://x'], 'invalid mirror'],
    [['--registry-mirror=https://a:b@x'], 'username/password not allowed'],
    [['--insecure-registry=http://x'], 'should not have a scheme'],
    [['--default-shm-size=big'], '"big" is no size'],
    [['--default-address-pool=base=x,size=1'], 'invalid base pool'],
    [['--default-address-pool=base=10.0.0.0/8,size=4'], 'invalid pool size'],
    [['--min-api-version=1.30'], 'unknown flag: --min-api-version'],
  ];
  test.each(wrong)('%p is refused', (args, message) => {
    expect(() => given(...args)).toThrow(message);
  });
});

describe('daemon.json', () => {
  test('has the keys of the flags, or their own', () => {
    const file = {
      hosts: ['unix:///a'],
      labels: ['a=b'],
      'log-opts': { 'max-size': '1m' },
      'default-ulimits': { nofile: { Name: 'nofile', Soft: 1, Hard: 2 } },
      runtimes: { my: { path: '/bin/my', runtimeArgs: ['--a'] } },
      proxies: { 'http-proxy': 'http://p', 'no-proxy': 'x' },
      'host-gateway-ip': '10.0.0.1',
      'default-shm-size': '1m',
      'default-address-pools': [{ base: '10.0.0.0/8', size: 24 }],
      debug: false,
    };
    expect(parseConfig(JSON.stringify(file))).toEqual({
      hosts: ['unix:///a'],
      labels: ['a=b'],
      logOptions: { 'max-size': '1m' },
      defaultUlimits: { nofile: { name: 'nofile', soft: 1, hard: 2 } },
      runtimes: { my: { path: '/bin/my', args: ['--a'] } },
      httpProxy: 'http://p',
      noProxy: 'x',
      hostGatewayIps: ['10.0.0.1'],
      defaultShmSize: 1024 * 1024,
      defaultAddressPools: [{ base: '10.0.0.0/8', size: 24 }],
      debug: false,
    });
  });
  test('may be empty, and begin with a byte order mark', () => {
    expect(parseConfig(' \n')).toEqual({});
    expect(parseConfig('\uFEFF{"debug":true}')).toEqual({ debug: true });
  });

  const wrong: [string, string][] = [
    ['{', 'invalid JSON'],
    ['[]', 'invalid JSON: not an object'],
    ['{"foo":1,"bar":2,"debug":true}', "the following directives don't match any configuration option: foo, bar"],
    ['{"host":["x"]}', "don't match any configuration option: host"],
    ['{"config-file":"x"}', "don't match any configuration option: config-file"],
    ['{"debug":"yes"}', 'debug: must be true or false'],
    ['{"labels":"a=b"}', 'labels: must be a list of strings'],
    ['{"labels":["a"]}', 'labels: bad attribute format: a'],
    ['{"mtu":"1500"}', 'mtu: must be a whole number'],
    ['{"log-opts":{"a":1}}', 'log-opts: must be a string'],
    ['{"runtimes":{"my":{}}}', "runtimes: runtime 'my' has no path"],
    ['{"runtimes":{"my":{"runtimeType":"x"}}}', "runtimes: runtime 'my': runtimeType is not built yet"],
    ['{"host-gateway-ip":"10.0.0.1","host-gateway-ips":["10.0.0.1"]}', 'is given twice under different names'],
  ];
  test.each(wrong)('%s is refused', (content, message) => {
    expect(() => parseConfig(content)).toThrow(message);
  });

  test('that is missing is an error only if it was asked for', () => {
    const path = join(directory, 'missing.json');
    expect(() => settingsOf({ configFile: path })).toThrow(`unable to configure the Docker daemon with file ${path}`);
  });

  test('is named in its errors', () => {
    const path = join(directory, 'daemon.json');
    writeFileSync(path, '{"foo":1}');
    expect(() => settingsOf({ configFile: path })).toThrow(
      `unable to configure the Docker daemon with file ${path}: the following directives don't match any configuration option: foo`,
    );
  });
});

describe('flags and file together', () => {
  test('complete each other, over the defaults', () => {
    const settings = merged(['--debug', '--label=a=b'], { 'shutdown-timeout': 3, icc: false });
    expect(settings).toMatchObject({ debug: true, labels: ['a=b'], shutdownTimeout: 3, icc: false, mtu: 1500 });
  });
  test('may say the same twice', () => {
    expect(merged(['--debug', '--label=a=b'], { debug: true, labels: ['a=b'] }).debug).toBe(true);
  });
  test('may not contradict each other', () => {
    expect(() => merged(['--debug', '--label=a=b'], { debug: false, labels: ['a=c'] })).toThrow(
      'the following directives are specified both as a flag and in the configuration file: debug: (from flag: true, from file: false), labels: (from flag: ["a=b"], from file: ["a=c"])',
    );
  });
  test('hide credentials of proxies', () => {
    expect(() => merged(['--http-proxy=http://u:secret@a'], { 'http-proxy': 'http://u:secret@b' })).toThrow(
      /from flag: http:\/\/xxxxx:xxxxx@a, from file: http:\/\/xxxxx:xxxxx@b/,
    );
  });
  test('add their runtimes up', () => {
    const settings = merged(['--add-runtime=a=/a', '--default-runtime=b'], { runtimes: { b: { path: '/b' } } });
    expect(Object.keys(settings.runtimes)).toEqual(['b', 'a']);
  });

  const wrong: [string[], object, string][] = [
    [['--userns-remap=x'], {}, '--userns-remap: x is not built yet'],
    [['--metrics-addr=x'], {}, '--metrics-addr: x is not built yet'],
    [['--containerd=x'], {}, '--containerd: not built yet'],
    [[], { containerd: 'x' }, 'containerd in the configuration file: not built yet'],
    [[], { builder: { gc: { enabled: true } } }, 'builder in the configuration file: not built yet'],
    [[], { 'live-restore': false }, 'containers always outlive this daemon'],
    [['--storage-driver=btrfs'], {}, '--storage-driver: btrfs is not built yet'],
    [['--log-driver=syslog'], {}, "log driver 'syslog' is not built yet"],
    [['--log-driver=nope'], {}, "no log driver named 'nope'"],
    [['--log-opt=nope=1'], {}, 'nope'],
    [['--default-runtime=nope'], {}, "specified default runtime 'nope' does not exist"],
    [['--label=a=b', '--label=a=c'], {}, 'conflict labels for a=c and a=b'],
    [['--bridge=br0', '--bip=10.0.0.1/24'], {}, 'mutually exclusive'],
    [['--icc=false'], { iptables: false }, 'set --icc or --iptables to true'],
    [['--host-gateway-ip=10.0.0.1', '--host-gateway-ip=10.0.0.2'], {}, 'only one IPv4 host gateway'],
    [['--host-gateway-ip=fd00::1'], { 'host-gateway-ips': ['10.0.0.1', 'fd00::1'] }, 'host-gateway-ip'],
    [['-H', 'tcp://0.0.0.0:2375'], {}, 'refusing to listen on tcp://0.0.0.0:2375 without TLS'],
    [[], { hosts: ['tcp://0.0.0.0:2375'] }, 'refusing to listen'],
    [
      [],
      { features: { 'containerd-snapshotter': false } },
      "images are always kept as Docker's containerd-snapshotter",
    ],
    [[], { features: { cdi: true } }, 'features in the configuration file: {"cdi":true} is not built yet'],
    [['--feature=nosuch'], {}, 'not built yet'],
  ];
  test.each(wrong)('%p and %j are refused', (flags, file, message) => {
    expect(() => merged(flags, file)).toThrow(message);
  });

  test.each([
    [['-H', 'tcp://0.0.0.0:2375', '--allow-insecure-tcp']],
    [['-H', 'tcp://0.0.0.0:2376', '--tlsverify']],
    [['--live-restore', '--storage-driver=overlay2', '--exec-opt=native.cgroupdriver=cgroupfs']],
    [['--feature=containerd-snapshotter', '--feature=cdi=false', '--firewall-backend=nftables']],
    [['--feature=buildkit']],
    [['--feature=buildkit=false']],
    [['--exec-opt=native.cgroupdriver=systemd']],
  ])('%p make sense', flags => {
    expect(() => merged(flags, {})).not.toThrow();
  });
});
