// `docker images --tree`: each image with its platforms.
import { list } from '../../../client/images.ts';
import { shortId } from '../../../lib/ids.ts';
import { formatPlatform } from '../../../lib/platform.ts';
import type { ImageManifestSummary, ImageSummary } from '../../../wire/types.ts';
import { displayWidth, ellipsis } from '../../format/display-width.ts';
import { isDangling } from '../../format/lists/images.ts';
import { humanSize } from '../../format/units.ts';
import type { Cli } from '../../framework/cli.ts';
import { ExitError } from '../../framework/errors.ts';
import { isTerminal, windowSize } from '../../stdio/terminal.ts';

interface Flags {
  all: boolean;
  digests: boolean;
  format: string;
  'no-trunc': boolean;
  quiet: boolean;
}

interface Cells {
  name: string;
  id: string;
  diskUsage: string;
  contentSize: string;
  inUse: boolean;
  available: boolean;
}

interface Entry extends Cells {
  names: string[];
  platforms: Cells[];
}

export async function imageTree(cli: Cli, flags: Flags, filters: Record<string, string[]>): Promise<string> {
  const conflicts = { quiet: flags.quiet, 'no-trunc': flags['no-trunc'], 'show-digest': flags.digests };
  for (const [flag, given] of Object.entries({ ...conflicts, format: flags.format !== '' })) {
    if (given) throw new ExitError(1, `--${flag} is not yet supported with --tree`);
  }
  const images = await list(await cli.client(), { all: flags.all, filters, manifests: true });
  const shown = flags.all ? images : images.filter(image => !isDangling(image));
  return drawTree(shown, treeStyle());
}

export interface TreeStyle {
  color: boolean;
  /** Columns of the terminal; undefined for any number. */
  width?: number;
}

function treeStyle(): TreeStyle {
  if (!isTerminal(1)) return { color: false };
  return { color: process.env['NO_COLOR'] === undefined, width: Math.max(20, windowSize(1)?.columns ?? 80) };
}

const GAP = 3;

interface Column {
  title: string;
  width: number;
  right?: boolean;
  value: (cells: Cells) => string;
}

const detailColumns: Column[] = [
  { title: 'ID', width: 12, value: cells => shortId(cells.id) },
  { title: 'DISK USAGE', width: 10, right: true, value: cells => cells.diskUsage },
  { title: 'CONTENT SIZE', width: 12, right: true, value: cells => cells.contentSize },
  { title: 'EXTRA', width: 5, value: cells => (cells.inUse ? 'U' : '') },
];

export function drawTree(images: readonly ImageSummary[], { color, width }: TreeStyle): string {
  const entries = images.map(entryOf).sort(byName);
  const paint = (text: string, code: string) =>
    color && code !== '' && text.trim() !== '' ? `\x1b[${code}m${text}\x1b[0m` : text;
  const { nameWidth, columns } = layout(entries, width);
  const lines: string[] = [];
  const line = (name: string, cells: Cells, code: string) => {
    const details = columns.map(column => {
      const cell = fit(column.value(cells), column.width, column.right);
      return cells.available ? cell : paint(cell, '2');
    });
    // A name that doesn't fit has a line of its own: nobody can use half of it.
    const fits = displayWidth(name) <= nameWidth;
    if (!fits) lines.push(paint(name, code));
    lines.push([paint(fit(fits ? name : '', nameWidth), code), ...details].join(' '.repeat(GAP)));
  };
  if (width !== undefined) lines.push('U: in use'.padStart(width));
  const titles = columns.map(column => fit(column.title, column.width, column.right));
  lines.push(paint([fit('IMAGE', nameWidth), ...titles].join(' '.repeat(GAP)), '1'));
  const spaced = entries.some(entry => entry.platforms.length > 0);
  for (const entry of entries) {
    for (const name of entry.names.slice(0, -1))
      lines.push(paint(fit(name, Math.max(nameWidth, displayWidth(name))), '34;1'));
    const last = entry.names.at(-1);
    line(last ?? UNTAGGED, entry, last === undefined ? '2' : '34;1');
    for (const [i, platform] of entry.platforms.entries()) {
      line(
        `${i === entry.platforms.length - 1 ? '└─' : '├─'} ${platform.name}`,
        platform,
        platform.available ? '' : '2',
      );
    }
    if (spaced) lines.push('');
  }
  return `${lines.join('\n')}\n`;
}

const UNTAGGED = '<untagged>';

function fit(text: string, width: number, right = false): string {
  const cut = ellipsis(text, width);
  const space = ' '.repeat(Math.max(0, width - displayWidth(cut)));
  return right ? space + cut : cut + space;
}

function byName(a: Entry, b: Entry): number {
  const [left, right] = [a.names[0], b.names[0]];
  if (left === undefined || right === undefined) return left === right ? 0 : left === undefined ? 1 : -1;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Columns that would leave the names less than twelve characters are left out, from the right. */
function layout(entries: readonly Entry[], width: number | undefined): { nameWidth: number; columns: Column[] } {
  const names = entries.flatMap(entry => [
    ...(entry.names.length > 0 ? entry.names : [UNTAGGED]),
    ...entry.platforms.map(platform => `└─ ${platform.name}`),
  ]);
  const widest = Math.max('IMAGE'.length, ...names.map(displayWidth));
  if (width === undefined) return { nameWidth: widest, columns: detailColumns };
  let left = width;
  const columns: Column[] = [];
  for (const column of detailColumns) {
    if (left - column.width - GAP < 12) break;
    left -= column.width + GAP;
    columns.push(column);
  }
  return { nameWidth: Math.min(left, widest), columns };
}

function entryOf(image: ImageSummary): Entry {
  const manifests = image.Manifests ?? [];
  const platforms = manifests.filter(manifest => manifest.Kind === 'image').map(platformCells);
  const content = manifests.reduce((sum, manifest) => sum + (manifest.Size?.Content ?? 0), 0);
  return {
    name: '',
    names: [...(image.RepoTags ?? [])].sort(),
    id: image.Id,
    diskUsage: humanSize(image.Size, 3),
    contentSize: humanSize(content, 3),
    inUse: image.Containers > 0 || platforms.some(platform => platform.inUse),
    available: true,
    platforms,
  };
}

function platformCells(manifest: ImageManifestSummary): Cells {
  const platform = manifest.ImageData?.Platform;
  return {
    name: platform ? formatPlatform({ os: '', architecture: '', ...platform }) : 'unknown',
    id: manifest.ID,
    diskUsage: humanSize(manifest.Size?.Total ?? 0, 3),
    contentSize: humanSize(manifest.Size?.Content ?? 0, 3),
    inUse: (manifest.ImageData?.Containers?.length ?? 0) > 0,
    available: manifest.Available,
  };
}
