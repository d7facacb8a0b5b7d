import { describe, expect, test } from 'bun:test';
import { collect } from '../streams.ts';
import type { TarEntry } from './entry.ts';
import { TarParser } from './parser.ts';
import { readTar } from './reader.ts';
import { encodeTarHeader, type PartialTarEntry, TAR_END, tarEntry, tarPadding, writeTar } from './writer.ts';

interface Seen extends TarEntry {
  content: string;
}

/** Parses in pieces of one size, with the holes of sparse files filled. */
function parse(archive: Uint8Array, pieceSize = archive.length): Seen[] {
  const seen: Seen[] = [];
  let content = Buffer.alloc(0);
  const parser = new TarParser({
    entry: entry => {
      content = Buffer.alloc(entry.size);
      seen.push({ ...entry, content: '' });
    },
    data: (bytes, offset) => content.set(bytes, offset),
    end: () => {
      seen.at(-1)!.content = content.toString('latin1');
    },
  });
  for (let at = 0; at < archive.length; at += pieceSize) parser.feed(archive.subarray(at, at + pieceSize));
  parser.finish();
  return seen;
}

async function archive(...inputs: (PartialTarEntry & { content?: string })[]): Promise<Buffer> {
  return collect(
    writeTar(
      inputs.map(({ content, ...entry }) => {
        const body = Buffer.from(content ?? '', 'latin1');
        return { entry: tarEntry({ ...entry, size: body.length }), body };
      }),
    ),
  );
}

/** A header made by hand, with a right checksum. */
function rawHeader(fields: Record<number, string | Uint8Array>): Buffer {
  const block = Buffer.from(encodeTarHeader(tarEntry({ name: 'x', kind: 'file' })));
  for (const [at, value] of Object.entries(fields)) block.set(Buffer.from(value as string, 'latin1'), Number(at));
  block.write('        ', 148, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function padded(data: string): Buffer {
  return Buffer.concat([Buffer.from(data, 'latin1'), tarPadding(data.length)]);
}

function octalField(value: number): string {
  return `${value.toString(8).padStart(11, '0')}\0`;
}

function paxBlocks(records: string, type = 'x'): Buffer {
  return Buffer.concat([rawHeader({ 124: octalField(records.length), 156: type }), padded(records)]);
}

function record(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  let length = rest + 1;
  while (String(length).length + rest !== length) length++;
  return `${length} ${key}=${value}\n`;
}

describe('what is written is read back', () => {
  const longName = `${'deep/'.repeat(60)}file`;
  const everything: (PartialTarEntry & { content?: string })[] = [
    { name: 'plain.txt', kind: 'file', content: 'hello', mode: 0o4755, uid: 1000, gid: 1001, userName: 'me' },
    { name: 'empty', kind: 'file', modified: 1_700_000_000_000_000_000n },
    { name: 'dir/', kind: 'directory', mode: 0o1777 },
    { name: longName, kind: 'file', content: 'x'.repeat(1337), modified: 1_700_000_000_123_456_789n },
    { name: `${'p'.repeat(150)}/${'n'.repeat(99)}`, kind: 'file', content: 'y' },
    { name: 'link', kind: 'symlink', linkName: '../'.repeat(60) },
    { name: 'hard', kind: 'hardlink', linkName: 'plain.txt' },
    { name: 'null', kind: 'character', deviceMajor: 1, deviceMinor: 3 },
    { name: 'disk', kind: 'block', deviceMajor: 259, deviceMinor: 70000 },
    { name: 'pipe', kind: 'fifo' },
    { name: 'big-owner', kind: 'file', uid: 3_000_000_000, gid: 4_294_967_294 },
    { name: 'before 1970', kind: 'file', modified: -1_500_000_000n },
    { name: 'Főtanúsítvány-\udcff-文', kind: 'file', content: '\0\xff' },
    {
      name: 'capable',
      kind: 'file',
      xattrs: new Map([
        ['security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex')],
        ['user.odd', Buffer.from('a=b\n\0c')],
      ]),
    },
  ];

  for (const size of [1, 2, 3, 7, 100, 511, 512, 513, 1000, 1024, 1025, 4096, 1 << 20]) {
    test(`in pieces of ${size}`, async () => {
      const bytes = await archive(...everything);
      const seen = parse(bytes, size);
      expect(seen.length).toBe(everything.length);
      for (const [index, { content = '', ...given }] of everything.entries()) {
        expect(seen[index]).toEqual({ ...tarEntry({ ...given, size: content.length }), content });
      }
    });
  }

  test('every piece size from 1 to 1025 gives the same', async () => {
    const bytes = await archive(...everything.slice(0, 6));
    const whole = parse(bytes);
    for (let size = 1; size <= 1025; size++) expect(parse(bytes, size)).toEqual(whole);
  });

  test('GNU tar reads it', async () => {
    const bytes = await archive(...everything.filter(entry => entry.kind !== 'hardlink'));
    const listing = Bun.spawnSync(['tar', '-tf', '-'], { stdin: bytes });
    expect(listing.stderr.toString()).toBe('');
    expect(listing.stdout.toString().split('\n').length - 1).toBe(everything.length - 1);
  });
});

describe('other dialects', () => {
  test('GNU long names and links', () => {
    const name = 'n'.repeat(300);
    const bytes = Buffer.concat([
      rawHeader({ 0: '././@LongLink', 124: octalField(301), 156: 'L' }),
      padded(`${name}\0`),
      rawHeader({ 0: '././@LongLink', 124: octalField(201), 156: 'K' }),
      padded(`${'t'.repeat(200)}\0`),
      rawHeader({ 156: '2' }),
      TAR_END,
    ]);
    expect(parse(bytes, 13)).toMatchObject([{ name, kind: 'symlink', linkName: 't'.repeat(200) }]);
  });

  test('base-256 numbers', () => {
    const size = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    const time = Buffer.from([0xff, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0xfe]);
    const bytes = Buffer.concat([rawHeader({ 124: size, 136: time }), padded('abc'), TAR_END]);
    expect(parse(bytes)).toMatchObject([{ content: 'abc', modified: -2_000_000_000n }]);
  });

  test('a global PAX header counts for all that follow, until it is taken back', () => {
    const bytes = Buffer.concat([
      paxBlocks(record('uname', 'all') + record('mtime', '5.5'), 'g'),
      rawHeader({ 0: 'a' }),
      paxBlocks(record('uname', 'one')),
      rawHeader({ 0: 'b' }),
      paxBlocks(record('uname', ''), 'g'),
      rawHeader({ 0: 'c' }),
    ]);
    const seen = parse(bytes, 100);
    expect(seen.map(entry => entry.userName)).toEqual(['all', 'one', '']);
    expect(seen.map(entry => entry.modified)).toEqual([5_500_000_000n, 5_500_000_000n, 5_500_000_000n]);
  });

  test('a V7 directory is known by its slash, a missing end mark is no error', () => {
    const bytes = rawHeader({ 0: 'old/\0', 156: '\0', 257: '\0\0\0\0\0\0\0\0' });
    expect(parse(bytes)).toMatchObject([{ name: 'old/', kind: 'directory' }]);
  });

  test('what follows the end mark is ignored', () => {
    expect(parse(Buffer.concat([rawHeader({}), TAR_END, Buffer.from('garbage')]), 10).length).toBe(1);
  });

  test.each(['posix --sparse-version=0.0', 'posix --sparse-version=0.1', 'posix --sparse-version=1.0', 'gnu'])(
    'files with holes as GNU tar writes them: %s',
    format => {
      const script = `cd $(mktemp -d) && truncate -s 300K f && for i in $(seq 0 40); do
        printf data$i | dd of=f bs=1 seek=$((i*7000)) conv=notrunc status=none; done
        tar --sparse --hole-detection=raw --format=${format} -cf - f && cat f && rm -r "$PWD"`;
      const output = Bun.spawnSync(['sh', '-c', script]).stdout;
      const file = output.subarray(output.length - 300 * 1024);
      const bytes = output.subarray(0, output.length - file.length);
      for (const size of [bytes.length, 512, 77]) {
        const [seen, ...others] = parse(bytes, size);
        expect(others).toEqual([]);
        expect(seen).toMatchObject({ name: 'f', size: file.length });
        expect(seen!.segments!.length).toBeGreaterThan(10);
        expect(seen!.content === file.toString('latin1')).toBe(true);
      }
    },
  );
});

describe('bad archives are refused', () => {
  const bad: Record<string, Buffer> = {
    'a wrong checksum': Buffer.from(rawHeader({}).fill(0x41, 0, 4)),
    'an unknown type': rawHeader({ 156: 'Z' }),
    'a negative size': rawHeader({ 124: Buffer.alloc(12, 0xff) }),
    'a size that is no number': rawHeader({ 124: 'abc' }),
    'a size beyond what can be counted': rawHeader({ 124: Buffer.from([0x80, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 0]) }),
    'no name': rawHeader({ 0: '\0' }),
    'an end inside a file': Buffer.concat([rawHeader({ 124: octalField(1000) }), padded('x')]),
    'an end inside a header': rawHeader({}).subarray(0, 300),
    'an end after an extension': paxBlocks(record('path', 'x')),
    'the end mark after an extension': Buffer.concat([paxBlocks(record('path', 'x')), TAR_END]),
    'a huge extension': rawHeader({ 124: octalField(1 << 30), 156: 'x' }),
    'a PAX record that is too long': Buffer.concat([paxBlocks('99 path=x\n'), rawHeader({})]),
    'a PAX record of length 0': Buffer.concat([paxBlocks('0 path=x\n'), rawHeader({})]),
    'a PAX record without a key': Buffer.concat([paxBlocks('5 =x\n'), rawHeader({})]),
    'a PAX record without a line break': Buffer.concat([paxBlocks('9 path=xy'), rawHeader({})]),
    'a PAX name with a NUL': Buffer.concat([paxBlocks(record('path', 'a\0b')), rawHeader({})]),
    'a PAX size that is no number': Buffer.concat([paxBlocks(record('size', '-1')), rawHeader({})]),
    'a PAX time that is no number': Buffer.concat([paxBlocks(record('mtime', '1e9')), rawHeader({})]),
    'a sparse map beyond the file': Buffer.concat([
      paxBlocks(record('GNU.sparse.map', '0,1000') + record('GNU.sparse.size', '10')),
      rawHeader({ 124: octalField(1000) }),
      padded('x'.repeat(1000)),
    ]),
    'a sparse map that overlaps': Buffer.concat([
      paxBlocks(record('GNU.sparse.map', '0,5,3,5') + record('GNU.sparse.size', '10')),
      rawHeader({ 124: octalField(10) }),
      padded('x'.repeat(10)),
    ]),
    'a sparse map with a bad count': Buffer.concat([
      paxBlocks(record('GNU.sparse.major', '1') + record('GNU.sparse.realsize', '10')),
      rawHeader({ 124: octalField(512) }),
      padded('99999999\n'),
    ]),
  };
  for (const [what, bytes] of Object.entries(bad)) {
    test(what, () => {
      for (const size of [bytes.length, 1, 100]) expect(() => parse(bytes, size)).toThrow(/tar: /);
    });
  }
});

describe('pulling members', () => {
  async function* inPieces(bytes: Uint8Array, size: number, log?: { ended: boolean }) {
    try {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    } finally {
      if (log) log.ended = true;
    }
  }

  test('bodies arrive whole, and those not read are skipped', async () => {
    const bytes = await archive(
      { name: 'a', kind: 'file', content: 'A'.repeat(2000) },
      { name: 'b', kind: 'file', content: 'B'.repeat(3000) },
      { name: 'c', kind: 'file' },
      { name: 'd', kind: 'file', content: 'D' },
    );
    for (const size of [1, 100, 512, 5000, bytes.length]) {
      const bodies: Record<string, number> = {};
      for await (const member of readTar(inPieces(bytes, size))) {
        if (member.name !== 'a') bodies[member.name] = (await collect(member.body)).length;
      }
      expect(bodies).toEqual({ b: 3000, c: 0, d: 1 });
    }
  });

  test('holes become zeros', async () => {
    const records = record('GNU.sparse.map', '100000,3') + record('GNU.sparse.size', '200000');
    const bytes = Buffer.concat([paxBlocks(records), rawHeader({ 124: octalField(3) }), padded('abc'), TAR_END]);
    for await (const member of readTar(inPieces(bytes, 512))) {
      const body = await collect(member.body);
      expect(body.length).toBe(200000);
      expect(body.subarray(100000, 100003).toString()).toBe('abc');
      expect(body.reduce((total, byte) => total + byte, 0)).toBe(97 + 98 + 99);
    }
  });

  test('stopping early ends the source', async () => {
    const log = { ended: false };
    const bytes = await archive({ name: 'a', kind: 'file', content: 'A'.repeat(9000) });
    for await (const _ of readTar(inPieces(bytes, 512, log))) break;
    expect(log.ended).toBe(true);
  });

  test('a body of another length than announced is an error', async () => {
    const entry = tarEntry({ name: 'a', kind: 'file', size: 10 });
    for (const body of [Buffer.alloc(9), Buffer.alloc(11)]) {
      await expect(collect(writeTar([{ entry, body }]))).rejects.toThrow('announced');
    }
  });
});
