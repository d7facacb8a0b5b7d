import { formatListing } from '../../format/listing.ts';
import { statsListing } from '../../format/lists/stats.ts';
import { anyArguments, defineCommand } from '../../framework/command.ts';
import { ExitError } from '../../framework/errors.ts';
import { listFormatFlag } from '../../options/format.ts';
import { StatsCollector } from './stats-collector.ts';

const EVERY_MS = 500;

export const command = defineCommand({
  usage: '[OPTIONS] [CONTAINER...]',
  summary: 'Show live what containers use',
  arguments: anyArguments,
  flags: {
    all: { type: 'bool', short: 'a', summary: 'Show stopped containers, too' },
    format: listFormatFlag,
    'no-stream': { type: 'bool', summary: 'Show it once' },
    'no-trunc': { type: 'bool', summary: "Don't shorten ids" },
  },
  async run(cli, flags, names) {
    const stream = !flags['no-stream'];
    const format = flags.format || cli.config().statsFormat || '';
    const collector = new StatsCollector(await cli.client(), stream);
    if (names.length === 0) await collector.watchAll(flags.all);
    for (const name of names) collector.add(name);
    await collector.firstReadings();
    if (names.length > 0 && collector.errors.length > 0) throw new ExitError(1, collector.errors.join('\n'));

    const table = () => formatListing(statsListing, collector.rows(!flags['no-trunc']), { format });
    if (!stream) {
      cli.out.write(await table());
      return 0;
    }
    let over = false;
    void collector.lost.then(() => {
      over = true;
    });
    while (!over) {
      // From the top left corner, each line's old rest erased, and then what is below.
      const lines = (await table()).split('\n').map(line => `${line}\x1b[K\n`);
      cli.out.write(`\x1b[H${lines.join('')}\x1b[J`);
      await cli.out.flush();
      await Bun.sleep(EVERY_MS);
    }
    // Who watches everything sees everything end, as with Docker's client; certain containers run on, and are not seen.
    cli.err.line('The engine has gone away: there are no more readings.');
    return names.length === 0 ? 0 : 1;
  },
});
