// What strangers send, damaged at random: archives and manifests. Nothing but an error of ours may come of it, the store
// keeps nothing of what it refused, and nothing outside of it is touched.
//
//   CHAOS_ROUNDS=100000 CHAOS_SEED=7 bun test ./test/chaos/fuzz.test.ts --timeout 100000000
import { afterAll, beforeAll, expect, test } from 'bun:test';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { parseConfig, parseManifest } from '../../src/content/oci.ts';
import { testImage } from '../../src/content/testing/layers.ts';
import { archive, inPieces, linesOf, ociLayout, TestImages } from '../../src/engine/images/testing/store.ts';
import { DockyardError } from '../../src/lib/errors.ts';
import { sha256 } from '../../src/lib/ids.ts';
import { TarParser } from '../../src/lib/tar/parser.ts';
import { output } from '../support/process.ts';
import { Random } from './random.ts';

const rounds = Number(process.env['CHAOS_ROUNDS'] ?? 4000);
const seed = Number(process.env['CHAOS_SEED'] ?? Date.now() % 1_000_000);
const title = (what: string) => `${what} (CHAOS_SEED=${seed})`;
const BLOCK = 512;

let base: string;
const samples: Buffer[] = [];
beforeAll(async () => {
  base = mkdtempSync(`${tmpdir()}/dockyard-fuzz-`);
  const tree = `${base}/tree`;
  mkdirSync(`${tree}/directory/${'long'.repeat(40)}`, { recursive: true });
  writeFileSync(`${tree}/directory/${'long'.repeat(40)}/${'name'.repeat(20)}`, 'content'.repeat(200));
  writeFileSync(`${tree}/file`, 'x');
  linkSync(`${tree}/file`, `${tree}/hard`);
  symlinkSync('../file', `${tree}/directory/soft`);
  await output(['truncate', '-s', '3M', `${tree}/sparse`]);
  writeFileSync(`${tree}/sparse`, 'data in the middle', { flag: 'r+' });
  for (const format of ['gnu', 'oldgnu', 'pax']) {
    await output(['tar', '--sparse', `--format=${format}`, '-C', tree, '-cf', `${base}/${format}.tar`, '.']);
    samples.push(readFileSync(`${base}/${format}.tar`));
  }
});
afterAll(() => rmSync(base, { recursive: true }));

/** Hits some bytes, mostly of headers, whose checksum is put right again: else nobody would look any further. */
function damaged(random: Random, original: Buffer): Buffer {
  const bytes = Buffer.from(original);
  for (let hits = random.between(1, 6); hits > 0; hits--) {
    const block = random.between(0, Math.floor(bytes.length / BLOCK) - 1) * BLOCK;
    const header = bytes.subarray(block, block + BLOCK);
    const isHeader = header.toString('latin1', 257, 262) === 'ustar';
    header[random.between(0, BLOCK - 1)] = random.pick([0, 0x20, 0x2f, 0x30, 0x37, 0x39, 0x53, 0x78, 0x80, 0xff]);
    if (isHeader && random.next() < 0.9) correctChecksum(header);
  }
  return random.next() < 0.2 ? bytes.subarray(0, random.between(0, bytes.length)) : bytes;
}

function correctChecksum(header: Buffer): void {
  header.write('        ', 148, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

/** What a parser says of an archive that comes in such pieces: its entries, its data by length, and its complaint. */
function told(bytes: Buffer, pieces: () => number): string {
  const said: string[] = [];
  const parser = new TarParser({
    entry: ({ name, kind, size }) => said.push(`${kind} ${name} ${size}`),
    data: (data, offset) => said.push(`up to ${offset + data.length}`),
    end: () => said.push('end'),
  });
  try {
    for (let at = 0; at < bytes.length; ) {
      const size = pieces();
      parser.feed(bytes.subarray(at, at + size));
      at += size;
    }
    parser.finish();
  } catch (error) {
    expect(String(error)).toContain('tar: ');
    said.push(String(error));
  }
  // The same data in fewer or more pieces is the same.
  return said.filter((line, at) => !(line.startsWith('up to') && said[at + 1]?.startsWith('up to'))).join('\n');
}

test(
  title('tar archives, in any pieces'),
  () => {
    const random = new Random(seed);
    for (let round = 0; round < rounds; round++) {
      const bytes = damaged(random, random.pick(samples));
      const whole = told(bytes, () => bytes.length);
      const size = random.between(1, 3000);
      const inSome = told(bytes, () => random.between(1, size));
      if (inSome !== whole) expect({ round, said: inSome }).toEqual({ round, said: whole });
    }
  },
  60_000 + rounds * 100,
);

test(title('manifests, indexes and configs'), () => {
  const random = new Random(seed);
  const descriptor = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256('x'), size: 7 };
  const documents = [
    { schemaVersion: 2, config: descriptor, layers: [descriptor], annotations: { a: 'b' } },
    { schemaVersion: 2, manifests: [{ ...descriptor, platform: { os: 'linux', architecture: 'arm', variant: 'v7' } }] },
    { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [sha256('y')] }, config: { Cmd: ['x'] } },
  ].map(document => Buffer.from(JSON.stringify(document)));
  const values = ['null', '[]', '{}', '-1', '1e999', '""', '"x"', 'true', '[[null]]', '{"digest":{}}'];
  for (let round = 0; round < rounds; round++) {
    let text = random.pick(documents).toString();
    for (let hits = random.between(1, 4); hits > 0; hits--) {
      const at = random.between(0, text.length - 1);
      text =
        random.next() < 0.5
          ? // One value for another keeps it JSON, so that it gets further.
            text.replace(/"[^"]*"(?=[,}\]])|\d+/g, value => (random.next() < 0.2 ? random.pick(values) : value))
          : text.slice(0, at) + String.fromCharCode(random.between(32, 126)) + text.slice(at + 1);
    }
    for (const parse of [parseManifest, parseConfig]) {
      try {
        parse(Buffer.from(text));
      } catch (error) {
        if (!(error instanceof DockyardError)) throw new Error(`${error}: ${text}`);
      }
    }
  }
});

test(
  title('images of damaged layers and archives'),
  async () => {
    const random = new Random(seed);
    writeFileSync(`${base}/outside`, 'untouched');
    const before = readdirSync(base);
    await using images = await TestImages.open();
    const good = await testImage([{ 'etc/a': '1' }]);
    const layout = await ociLayout(good, ['docker.io/library/good:1']);
    for (let round = 0; round < Math.ceil(rounds / 80); round++) {
      const bytes = round % 2 === 0 ? await imageOf(damaged(random, random.pick(samples))) : damaged(random, layout);
      try {
        await linesOf(images.store.load({ ...images.loading(bytes), archive: inPieces(bytes) }));
        const [tag] = await images.tags();
        if (tag !== undefined) await images.store.remove(tag, { force: true, noPrune: false, platforms: [] });
      } catch (error) {
        if (!(error instanceof DockyardError)) throw new Error(`round ${round}: ${error}`);
      }
      await images.store.prune({ dangling: ['false'] });
      expect({ round, ...(await images.leftovers()) }).toEqual({ round, blobs: 0, layers: 0, ingest: [] });
    }
    expect(readdirSync(base)).toEqual(before);
    expect(readFileSync(`${base}/outside`, 'utf8')).toBe('untouched');
  },
  60_000 + rounds * 1000,
);

/** An image that is right but for what is in its layer. */
async function imageOf(layer: Buffer): Promise<Buffer> {
  const rootfs = { type: 'layers', diff_ids: [sha256(layer)] };
  const config = JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs });
  const list = JSON.stringify([{ Config: 'config.json', RepoTags: ['fuzz:1'], Layers: ['layer'] }]);
  return archive([
    ['layer', gzipSync(layer, { level: 1 })],
    ['config.json', config],
    ['manifest.json', list],
  ]);
}
