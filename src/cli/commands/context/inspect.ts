import { type Found, inspect } from '../../format/inspect.ts';
import { escapeHtml } from '../../format/row-template.ts';
import type { Cli } from '../../framework/cli.ts';
import { anyArguments, defineCommand } from '../../framework/command.ts';
import { ContextStore } from '../../framework/context-store.ts';
import { contextName, DEFAULT_CONTEXT } from '../../framework/endpoint.ts';
import { inspectFormatFlag } from '../../options/format.ts';
import { defaultContext, IN_MEMORY } from './default-context.ts';

export const command = defineCommand({
  usage: '[OPTIONS] [CONTEXT] [CONTEXT...]',
  summary: 'Show everything known about contexts',
  arguments: anyArguments,
  flags: { format: inspectFormatFlag },
  async run(cli, flags, names) {
    const wanted = names.length > 0 ? names : [contextName(cli.globals, cli.config())];
    await inspect(cli, wanted, flags.format, name => find(cli, name));
  },
});

async function find(cli: Cli, name: string): Promise<Found> {
  return {
    raw: escapeHtml(JSON.stringify(await describe(cli, name))),
    shape: async () => (await import('../../format/shapes/context.ts')).contextShape,
  };
}

async function describe(cli: Cli, name: string) {
  if (name === DEFAULT_CONTEXT) {
    const { metadata, tls } = await defaultContext(cli);
    const files = [tls.ca && 'ca.pem', tls.cert && 'cert.pem', tls.key && 'key.pem'].filter(Boolean);
    const TLSMaterial = files.length > 0 ? { docker: files } : {};
    return { ...metadata, TLSMaterial, Storage: { MetadataPath: IN_MEMORY, TLSPath: IN_MEMORY } };
  }
  const store = new ContextStore(cli.configDirectory);
  const { Name, Metadata, Endpoints } = await store.need(name);
  const TLSMaterial = await store.tlsFileNames(name);
  const Storage = { MetadataPath: store.metadataPath(name), TLSPath: store.tlsPath(name) };
  return { Name, Metadata, Endpoints, TLSMaterial, Storage };
}
