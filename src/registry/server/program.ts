// `dockyard`: what Dockyard has beside Docker's commands. So far, its registry.
import { parseArgs } from 'node:util';
import { invalid, messageOf } from '../../lib/errors.ts';
import { configureLog, log } from '../../lib/logger.ts';
import { productVersion } from '../../lib/product.ts';
import type { ServeOptions } from './serve.ts';

const DEFAULT_ADDRESS = '127.0.0.1:5000';
const DEFAULT_ROOT = '/var/lib/dockyard-registry';

const usage = `Usage:  dockyard COMMAND

Commands:
  registry serve   Serve a registry of images
  registry gc      Remove content that nothing refers to any more
  version          Show the version

Run 'dockyard COMMAND --help' for more information on a command.
Docker's own commands: see 'docker --help'.
`;

const serveUsage = `Usage:  dockyard registry serve [OPTIONS]

Serve a registry of images (OCI distribution specification 1.1)

Options:
      --addr string                  Address and port to listen on (default "${DEFAULT_ADDRESS}")
      --debug                        Log every request
      --htpasswd string              File of users and bcrypt hashes; without it everybody may do everything
      --proxy string                 URL of a registry to be a cache of
      --proxy-password-file string   File with the password for that registry
      --proxy-username string        User name for that registry
      --read-only                    Refuse everything that changes the content
      --root string                  Directory of the content (default "${DEFAULT_ROOT}")
      --tls-cert string              Certificate of the server (PEM)
      --tls-key string               Key of the certificate (PEM)
`;

const gcUsage = `Usage:  dockyard registry gc [OPTIONS]

Remove content that nothing refers to any more; the registry must not be running

Options:
      --delete-untagged   Also remove manifests that no tag leads to
      --dry-run           Only show what would be removed
      --grace string      Keep blobs younger than this many seconds (default "3600")
      --root string       Directory of the content (default "${DEFAULT_ROOT}")
`;

export async function run(args: string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    process.stderr.write(`dockyard: ${messageOf(error)}\n`);
    return 1;
  }
}

async function dispatch(args: string[]): Promise<number> {
  const [first = '--help', second = '--help'] = args;
  if (first === 'version' || first === '--version') return show(`Dockyard ${productVersion}\n`);
  if (first === '--help' || first === '-h' || first === 'help') return show(usage);
  if (first !== 'registry') throw invalid(`there is no command "${first}". See 'dockyard --help'.`);
  if (second === 'serve') return serve(args.slice(2));
  if (second === 'gc') return collect(args.slice(2));
  if (second === '--help' || second === '-h') return show(usage);
  throw invalid(`there is no command "registry ${second}". See 'dockyard --help'.`);
}

function show(text: string): number {
  process.stdout.write(text);
  return 0;
}

async function serve(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    strict: true,
    options: {
      addr: { type: 'string', default: DEFAULT_ADDRESS },
      debug: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
      htpasswd: { type: 'string' },
      proxy: { type: 'string' },
      'proxy-password-file': { type: 'string' },
      'proxy-username': { type: 'string' },
      'read-only': { type: 'boolean', default: false },
      root: { type: 'string', default: DEFAULT_ROOT },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
    },
  });
  if (values.help) return show(serveUsage);
  configureLog({ level: values.debug ? 'debug' : 'info' });
  const { serveRegistry } = await import('./serve.ts');
  const ended = nextSignal();
  const { hostname, port } = parseAddress(values.addr);
  const registry = await serveRegistry({
    hostname,
    port,
    root: values.root,
    htpasswd: values.htpasswd,
    readOnly: values['read-only'],
    tls: tlsOf(values['tls-cert'], values['tls-key']),
    origin: await originOf(values.proxy, values['proxy-username'], values['proxy-password-file']),
  });
  if (!isLoopback(hostname) && values['tls-cert'] === undefined) {
    log.warn('this registry can be reached from other machines without TLS', { address: values.addr });
  }
  log.info('the registry is ready', { url: registry.url, root: values.root });
  log.info('ending', { signal: await ended });
  await registry.stop();
  return process.exit(0);
}

function nextSignal(): Promise<string> {
  return new Promise(resolve => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

async function collect(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    strict: true,
    options: {
      'delete-untagged': { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      grace: { type: 'string', default: '3600' },
      help: { type: 'boolean', short: 'h' },
      root: { type: 'string', default: DEFAULT_ROOT },
    },
  });
  if (values.help) return show(gcUsage);
  if (!/^\d{1,9}$/.test(values.grace)) throw invalid(`--grace: "${values.grace}" is not a number of seconds`);
  const [{ RegistryStore }, { collectGarbage }] = await Promise.all([import('./store.ts'), import('./garbage.ts')]);
  using store = new RegistryStore(values.root);
  const dryRun = values['dry-run'];
  const { manifests, blobs, uploads, bytes } = await collectGarbage(store, {
    untagged: values['delete-untagged'],
    dryRun,
    graceMs: Number(values.grace) * 1000,
  });
  const lines = [...manifests, ...blobs].map(name => `${dryRun ? 'would remove' : 'removed'} ${name}`);
  return show(
    `${lines.map(line => `${line}\n`).join('')}${blobs.length} blobs (${bytes} bytes), ${manifests.length} manifests, ${uploads} uploads\n`,
  );
}

export function parseAddress(text: string): { hostname: string; port: number } {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65535) throw invalid(`--addr: "${text}" is not host:port`);
  return { hostname: match[1] === '' ? '0.0.0.0' : match[1]!.replace(/^\[|\]$/g, ''), port };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '::1' || hostname.startsWith('127.');
}

function tlsOf(certificate: string | undefined, key: string | undefined): ServeOptions['tls'] {
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined) throw invalid('--tls-cert and --tls-key belong together');
  return { certificate, key };
}

async function originOf(
  url: string | undefined,
  username: string | undefined,
  passwordFile: string | undefined,
): Promise<ServeOptions['origin']> {
  if (url === undefined) {
    if (username === undefined && passwordFile === undefined) return undefined;
    throw invalid('--proxy-username and --proxy-password-file need --proxy');
  }
  if ((username === undefined) !== (passwordFile === undefined)) {
    throw invalid('--proxy-username and --proxy-password-file belong together');
  }
  const password = passwordFile === undefined ? undefined : (await Bun.file(passwordFile).text()).replace(/\r?\n$/, '');
  return { url, username, password };
}
