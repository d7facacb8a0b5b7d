import { formatListing } from '../../format/listing.ts';
import { type ContextRow, contextListing, contextTable } from '../../format/lists/contexts.ts';
import { compareNatural } from '../../format/natural-order.ts';
import { defineCommand, noArguments } from '../../framework/command.ts';
import { ContextStore, DOCKER_ENDPOINT } from '../../framework/context-store.ts';
import { contextName } from '../../framework/endpoint.ts';
import { listFormatFlag } from '../../options/format.ts';
import { DEFAULT_DESCRIPTION } from './create.ts';
import { defaultContext } from './default-context.ts';

export const command = defineCommand({
  usage: '[OPTIONS]',
  summary: 'List contexts',
  arguments: noArguments,
  flags: {
    format: listFormatFlag,
    quiet: { type: 'bool', short: 'q', summary: 'Print the names only' },
  },
  async run(cli, flags) {
    const current = contextName(cli.globals, cli.config());
    const store = new ContextStore(cli.configDirectory);
    const { metadata } = await defaultContext(cli);
    const described = { ...metadata, Metadata: { Description: DEFAULT_DESCRIPTION } };
    const rows: ContextRow[] = [described, ...(await store.list())].map(({ Name, Metadata, Endpoints }) => ({
      name: Name,
      description: Metadata.Description ?? '',
      endpoint: Endpoints[DOCKER_ENDPOINT]?.Host ?? '',
      current: Name === current,
      error: '',
    }));
    if (!rows.some(row => row.current)) rows.push(await missing(store, current));
    rows.sort((a, b) => compareNatural(a.name, b.name));
    const { format, quiet } = flags;
    const listing = !quiet && (format === '' || format === 'table') ? contextTable : contextListing;
    cli.out.write(await formatListing(listing, rows, { format: quiet ? '' : format, quiet }));
    if (process.env.DOCKER_HOST) {
      cli.err.line(
        'Warning: DOCKER_HOST environment variable overrides the active context. To use a context, either set the global --context flag, or unset DOCKER_HOST environment variable.',
      );
    }
  },
});

/** The chosen context isn't there: its row says so. */
async function missing(store: ContextStore, name: string): Promise<ContextRow> {
  const row: ContextRow = { name, description: '', endpoint: '', current: true, error: '' };
  try {
    await store.need(name);
    return row;
  } catch (error) {
    if (error instanceof Error) return { ...row, error: error.message };
    throw error;
  }
}
