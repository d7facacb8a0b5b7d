// Flags and daemon.json put together: what the daemon was told, and whether it makes sense.
import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { validateLogOptions } from '../engine/logs/drivers.ts';
import { readPolicy } from '../engine/trust/policy.ts';
import { invalid, notBuilt } from '../lib/errors.ts';
import { readConfigFile } from './config-file.ts';
import { checkTcp, parseHosts } from './hosts.ts';
import { keyOf, type OptionName, optionNames, optionTable, type Settings } from './options.ts';
import { usesTls } from './tls.ts';

export interface Told {
  settings: Settings;
  /** Only what somebody asked for, in either place. */
  asked: Partial<Settings>;
}

export function settingsOf(flags: Partial<Settings>): Told {
  const path = flags.configFile ?? (optionTable.configFile.type.absent as string);
  const file = readConfigFile(path, flags.configFile !== undefined) ?? {};
  return { settings: mergeSettings(flags, file), asked: { ...file, ...flags } };
}

export function mergeSettings(flags: Partial<Settings>, file: Partial<Settings>): Settings {
  const fromFlags = flags as Partial<Record<OptionName, unknown>>;
  const fromFile = file as Partial<Record<OptionName, unknown>>;
  const settings: Partial<Record<OptionName, unknown>> = {};
  const conflicts: string[] = [];
  for (const name of optionNames) {
    const { type, merged } = optionTable[name];
    const flag = fromFlags[name];
    const key = fromFile[name];
    checkBuilt(name, flag, key);
    if (flag !== undefined && key !== undefined && !merged && !isDeepStrictEqual(flag, key)) {
      conflicts.push(`${keyOf(optionTable[name])}: (from flag: ${show(name, flag)}, from file: ${show(name, key)})`);
    }
    if (merged) settings[name] = { ...(type.absent as object), ...(key as object), ...(flag as object) };
    else settings[name] = flag ?? key ?? type.absent;
  }
  if (conflicts.length > 0) {
    const what = 'the following directives are specified both as a flag and in the configuration file';
    throw invalid(
      `unable to configure the Docker daemon with file ${settings.configFile}: ${what}: ${conflicts.join(', ')}`,
    );
  }
  const whole = settings as Settings;
  checkTogether(whole);
  return whole;
}

function checkBuilt(name: OptionName, flag: unknown, key: unknown): void {
  const option = optionTable[name];
  const isUnbuilt = (value: unknown) => value !== undefined && (option.unbuilt === 'always' || option.unbuilt?.(value));
  if (isUnbuilt(flag)) throw notBuilt(`--${option.flag}: ${describeUnbuilt(name, flag)}`);
  if (isUnbuilt(key)) throw notBuilt(`${keyOf(option)} in the configuration file: ${describeUnbuilt(name, key)}`);
}

function describeUnbuilt(name: OptionName, value: unknown): string {
  if (name === 'liveRestore') return "containers always outlive this daemon; that can't be switched off";
  if (name === 'features' && (value as Settings['features'])['containerd-snapshotter'] === false) {
    return "images are always kept as Docker's containerd-snapshotter keeps them; that can't be switched off";
  }
  return optionTable[name].unbuilt === 'always' ? 'not built yet' : `${show(name, value)} is not built yet`;
}

function show(name: OptionName, value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return name === 'httpProxy' || name === 'httpsProxy' ? text.replace(/\/\/[^/@]+@/, '//xxxxx:xxxxx@') : text;
}

/** What no value shows by itself. */
function checkTogether(settings: Settings): void {
  checkLabels(settings.labels);
  if (!settings.runtimes[settings.defaultRuntime] && !STOCK_RUNTIMES.includes(settings.defaultRuntime)) {
    throw invalid(`specified default runtime '${settings.defaultRuntime}' does not exist`);
  }
  if (settings.bridge !== '' && (settings.bip !== '' || settings.bip6 !== '')) {
    throw invalid('You specified -b & --bip, mutually exclusive options. Please specify only one.');
  }
  if (!settings.icc && !settings.iptables) {
    throw invalid(
      'You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or --iptables to true.',
    );
  }
  checkHostGateways(settings.hostGatewayIps);
  const tls = usesTls(settings);
  checkTcp(parseHosts(settings.hosts, tls), tls, settings.allowInsecureTcp);
  validateLogOptions(settings.logDriver, settings.logOptions);
  if (settings.trustPolicy !== '' && !readPolicy(settings.trustPolicy)) {
    throw invalid(`--trust-policy: ${settings.trustPolicy} is not there`);
  }
  if (settings.initPath !== '' && !settings.initPath.startsWith('/')) {
    throw invalid(`--init-path: ${settings.initPath} is not absolute`);
  }
}

export const STOCK_RUNTIMES: readonly string[] = ['crun', 'runc'];

function checkHostGateways(addresses: readonly string[]): void {
  for (const family of [4, 6]) {
    if (addresses.filter(address => isIP(address) === family).length > 1) {
      throw invalid(`only one IPv${family} host gateway IP address can be specified`);
    }
  }
}

function checkLabels(labels: readonly string[]): void {
  const known = new Map<string, string>();
  for (const label of labels) {
    const key = label.slice(0, label.indexOf('='));
    const before = known.get(key);
    if (before !== undefined && before !== label) throw invalid(`conflict labels for ${label} and ${before}`);
    known.set(key, label);
  }
}
