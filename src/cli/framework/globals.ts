// The flags before the command's name.
import type { FlagTable, FlagValues } from './flags.ts';

const home = process.env.HOME || '/root';
const configDirectory = process.env.DOCKER_CONFIG || `${home}/.docker`;
const certificates = process.env.DOCKER_CERT_PATH || configDirectory;

const logLevels = ['trace', 'debug', 'info', 'warn', 'warning', 'error', 'fatal', 'panic'];

export const globalFlags = {
  config: { type: 'string', default: configDirectory, summary: "Directory of the client's configuration" },
  context: {
    type: 'string',
    short: 'c',
    summary: 'Context that says which engine to talk to (instead of DOCKER_HOST)',
  },
  debug: { type: 'bool', short: 'D', summary: 'Tell more when something fails' },
  host: {
    type: 'string',
    short: 'H',
    summary: 'Engine to talk to: unix://, tcp:// or ssh://',
    once: 'Specify only one -H',
  },
  'log-level': {
    type: 'string',
    short: 'l',
    default: 'info',
    summary: 'How much to log: debug, info, warn, error or fatal',
  },
  tls: { type: 'bool', default: Boolean(process.env.DOCKER_TLS), summary: 'Use TLS; --tlsverify implies it' },
  tlscacert: {
    type: 'string',
    default: `${certificates}/ca.pem`,
    summary: 'Authority that the engine must be certified by',
  },
  tlscert: { type: 'string', default: `${certificates}/cert.pem`, summary: 'Certificate that this client shows' },
  tlskey: { type: 'string', default: `${certificates}/key.pem`, summary: "Key of this client's certificate" },
  tlsverify: {
    type: 'bool',
    default: Boolean(process.env.DOCKER_TLS_VERIFY),
    summary: "Use TLS and check the engine's certificate",
  },
  version: { type: 'bool', short: 'v', summary: 'Print the version and leave' },
} as const satisfies FlagTable;

export type Globals = FlagValues<typeof globalFlags>;

export function isLogLevel(text: string): boolean {
  return logLevels.includes(text.toLowerCase());
}
