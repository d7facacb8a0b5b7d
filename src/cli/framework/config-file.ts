// The client's config.json: what Docker's own keys mean, and where it lies. Unknown keys survive a rewrite.

export interface StoredAuth {
  auth?: string;
  username?: string;
  password?: string;
  email?: string;
  serveraddress?: string;
  identitytoken?: string;
  registrytoken?: string;
}

export interface ProxySettings {
  httpProxy?: string;
  httpsProxy?: string;
  noProxy?: string;
  ftpProxy?: string;
  allProxy?: string;
}

/** Only the keys that we read. */
export interface ConfigFile {
  auths?: Record<string, StoredAuth>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
  HttpHeaders?: Record<string, string>;
  psFormat?: string;
  imagesFormat?: string;
  networksFormat?: string;
  pluginsFormat?: string;
  volumesFormat?: string;
  statsFormat?: string;
  serviceInspectFormat?: string;
  servicesFormat?: string;
  tasksFormat?: string;
  secretFormat?: string;
  configFormat?: string;
  nodesFormat?: string;
  pruneFilters?: string[];
  detachKeys?: string;
  proxies?: Record<string, ProxySettings>;
  currentContext?: string;
  aliases?: Record<string, string>;
  /** More folders with programs that add commands. */
  cliPluginsExtraDirs?: string[];
  /** Ours: `false` keeps the client from starting an engine by itself. */
  dockyardAutoStart?: boolean;
}

export interface LoadedConfig {
  config: ConfigFile;
  /** What is wrong with the file, if anything is: told once, and the command goes on without it. */
  warning?: string;
}

export function loadConfigFile(directory: string): LoadedConfig {
  const path = `${directory}/config.json`;
  let text: string;
  try {
    // Every command reads this file, and most people have none: asking for the size and mapping it takes a tenth of what a
    // proper read does.
    if (!(Bun.file(path).size > 0)) return { config: {} };
    text = Buffer.from(Bun.mmap(path)).toString();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { config: {}, warning: `WARNING: Error loading config file: open ${path}: ${error.message}` };
  }
  try {
    const parsed: unknown = text.trim() === '' ? {} : JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new SyntaxError('not an object');
    return checked(path, parsed as Record<string, unknown>);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { config: {}, warning: `WARNING: Error parsing config file (${path}): ${error.message}` };
  }
}

const textKeys = [
  ...['psFormat', 'imagesFormat', 'networksFormat', 'pluginsFormat', 'volumesFormat', 'statsFormat', 'detachKeys'],
  ...['serviceInspectFormat', 'servicesFormat', 'tasksFormat', 'secretFormat', 'configFormat', 'nodesFormat'],
  ...['credsStore', 'currentContext'],
];

/** A key of the wrong kind is as good as none. */
function checked(path: string, config: Record<string, unknown>): LoadedConfig {
  const wrong = textKeys.find(key => config[key] !== undefined && typeof config[key] !== 'string');
  if (wrong === undefined) return { config };
  const { [wrong]: _, ...rest } = config;
  const { config: usable } = checked(path, rest);
  return { config: usable, warning: `WARNING: Error parsing config file (${path}): ${wrong} must be a text` };
}

/** Changes some keys and leaves the rest of the file as it is; an undefined value takes the key out. */
export async function changeConfigFile(directory: string, changes: Partial<ConfigFile>): Promise<void> {
  const { chmod, mkdir, rename, writeFile } = await import('node:fs/promises');
  const { config, warning } = loadConfigFile(directory);
  if (warning !== undefined) throw new Error(warning.replace(/^WARNING: /, ''));
  const path = `${directory}/config.json`;
  const temporary = `${path}.${process.pid}`;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(temporary, `${JSON.stringify({ auths: {}, ...config, ...changes }, null, '\t')}\n`, { mode: 0o600 });
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}
