import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { deviceNumbers, xattr } from '../../kernel/files.ts';
import { sha256 } from '../../lib/ids.ts';
import { collect } from '../../lib/streams.ts';
import { encodeTarHeader, type PartialTarEntry, TAR_END, tarEntry, writeTar } from '../../lib/tar/writer.ts';
import { UnpackPool } from './pool.ts';
import { LayerUnpacker } from './unpacker.ts';

const unpackerOf = () => new LayerUnpacker(pool, { directory: 'layer', blob: 'blob' });

/** Nothing here has to last, and files by the hundred thousand take their time on some disks. */
const inMemory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

let root = '';
let layer = '';
let pool: UnpackPool;
beforeEach(() => {
  root = mkdtempSync(`${inMemory}/unpack-test-`);
  layer = `${root}/layer`;
  mkdirSync(layer);
  pool = new UnpackPool(root, 200);
  writeFileSync(`${root}/outside`, 'untouched');
});
afterEach(async () => {
  await pool.close();
  expect(readFileSync(`${root}/outside`, 'utf8')).toBe('untouched');
  expect(readdirSync(root).sort()).toEqual(['blob', 'layer', 'outside']);
  rmSync(root, { recursive: true });
});

type Input = PartialTarEntry & { content?: string };

function tar(...inputs: Input[]): Promise<Buffer> {
  return collect(
    writeTar(
      inputs.map(({ content = '', ...entry }) => {
        const body = Buffer.from(content);
        return { entry: tarEntry({ size: body.length, ...entry }), body };
      }),
    ),
  );
}

async function unpackBytes(bytes: Uint8Array) {
  writeFileSync(`${root}/blob`, bytes);
  const unpacker = unpackerOf();
  unpacker.complete(bytes.length);
  return unpacker.result;
}

const unpack = async (...inputs: Input[]) => unpackBytes(await tar(...inputs));

test('everything a file can be, as the archive says', async () => {
  const modified = 1_600_000_000_123_456_789n;
  const result = await unpack(
    { name: './', kind: 'directory', mode: 0o711, modified },
    { name: 'etc/', kind: 'directory', mode: 0o2750, uid: 5, gid: 6, modified },
    { name: 'etc/file', kind: 'file', content: 'hello', mode: 0o600 },
    { name: './etc/link', kind: 'symlink', linkName: '/nowhere', uid: 9, modified },
    {
      name: 'etc/hard',
      kind: 'hardlink',
      linkName: 'etc/file',
      mode: 0o4755,
      uid: 70000,
      gid: 3_000_000_000,
      modified,
    },
    { name: 'etc/hard-link', kind: 'hardlink', linkName: 'etc/link', mode: 0o600 },
    { name: 'null', kind: 'character', deviceMajor: 1, deviceMinor: 3, mode: 0o666 },
    { name: 'disk', kind: 'block', deviceMajor: 259, deviceMinor: 70000 },
    { name: 'pipe', kind: 'fifo', mode: 0o622 },
    {
      name: 'capable',
      kind: 'file',
      mode: 0o755,
      uid: 1,
      xattrs: new Map([
        ['security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex')],
        ['user.note', Buffer.from('x\0y')],
        ['trusted.overlay.redirect', Buffer.from('/etc')],
      ]),
    },
    { name: `${'long'.repeat(50)}/${'n'.repeat(250)}`, kind: 'file', content: 'deep' },
    { name: 'odd-\udcff', kind: 'file', content: 'bytes' },
  );
  expect(result).toEqual({ size: 5 + 4 + 5, entries: 12, implied: ['long'.repeat(50)] });
  const at = (name: string) => lstatSync(`${layer}/${name}`, { bigint: true });
  expect(at('.')).toMatchObject({ mtimeNs: modified });
  expect(Number(at('.').mode) & 0o7777).toBe(0o711);
  expect(at('etc')).toMatchObject({ uid: 5n, gid: 6n, mtimeNs: modified });
  expect(Number(at('etc').mode) & 0o7777).toBe(0o2750);
  expect(at('etc/file')).toMatchObject({ uid: 70000n, gid: 3_000_000_000n, mtimeNs: modified, nlink: 2n, size: 5n });
  expect(Number(at('etc/file').mode) & 0o7777).toBe(0o4755);
  expect(readlinkSync(`${layer}/etc/link`)).toBe('/nowhere');
  expect(at('etc/link')).toMatchObject({ uid: 9n, mtimeNs: modified });
  expect(deviceNumbers(at('null').rdev)).toEqual({ major: 1, minor: 3 });
  expect(deviceNumbers(at('disk').rdev)).toEqual({ major: 259, minor: 70000 });
  expect(at('disk').isBlockDevice()).toBe(true);
  expect(at('pipe').isFIFO()).toBe(true);
  expect(xattr(`${layer}/capable`, 'security.capability')?.length).toBe(20);
  expect(xattr(`${layer}/capable`, 'user.note')?.toString()).toBe('x\0y');
  expect(xattr(`${layer}/capable`, 'trusted.overlay.redirect')).toBeUndefined();
  expect(readdirSync(layer, { encoding: 'buffer' }).some(name => name.equals(Buffer.from('odd-\xff', 'latin1')))).toBe(
    true,
  );
});

describe('whiteouts', () => {
  const opaque = (name: string) => xattr(`${layer}/${name}`, 'trusted.overlay.opaque')?.toString();
  const isWhiteout = (name: string) => {
    const stats = lstatSync(`${layer}/${name}`);
    return stats.isCharacterDevice() && stats.rdev === 0;
  };

  test('hide files and directories of lower layers', async () => {
    await unpack(
      { name: 'dir/.wh.gone', kind: 'file' },
      { name: '.wh.top', kind: 'file' },
      { name: 'opaque/.wh..wh..opq', kind: 'file' },
      { name: '.wh..wh.plnk/1.2', kind: 'directory' },
      { name: '.wh..wh.aufs', kind: 'file', content: 'x' },
    );
    expect(isWhiteout('dir/gone')).toBe(true);
    expect(isWhiteout('top')).toBe(true);
    expect(opaque('opaque')).toBe('y');
    expect(readdirSync(`${layer}/opaque`)).toEqual([]);
  });

  test('leave what the same layer has, in any order', async () => {
    await unpack(
      { name: '.wh.a', kind: 'file' },
      { name: 'a', kind: 'directory' },
      { name: 'b', kind: 'directory' },
      { name: '.wh.b', kind: 'file' },
      { name: 'c', kind: 'file', content: 'c' },
      { name: '.wh.c', kind: 'file' },
      { name: '.wh.d', kind: 'file' },
      { name: 'd', kind: 'file', content: 'd' },
      { name: '.wh.e', kind: 'file' },
      { name: 'e/inside', kind: 'file', content: 'e' },
    );
    expect([opaque('a'), opaque('b'), opaque('e')]).toEqual(['y', 'y', 'y']);
    expect(readFileSync(`${layer}/c`, 'utf8')).toBe('c');
    expect(readFileSync(`${layer}/d`, 'utf8')).toBe('d');
    expect(readFileSync(`${layer}/e/inside`, 'utf8')).toBe('e');
  });

  test.each(['.wh.', '.wh..', '.wh...'])('%p is refused', async name => {
    await expect(unpack({ name: `d/${name}`, kind: 'file' })).rejects.toThrow('invalid layer');
  });
});

test('a later entry of the same name wins', async () => {
  await unpack(
    { name: 'x', kind: 'directory' },
    { name: 'x/child', kind: 'file' },
    { name: 'x', kind: 'file', content: 'now a file' },
    { name: 'y', kind: 'file', content: 'old' },
    { name: 'y', kind: 'symlink', linkName: 'x' },
    { name: 'z', kind: 'symlink', linkName: '../../outside' },
    { name: 'z', kind: 'file', content: 'new' },
    { name: 'w', kind: 'directory', mode: 0o700 },
    { name: 'w/keep', kind: 'file' },
    { name: 'w', kind: 'directory', mode: 0o750 },
  );
  expect(readFileSync(`${layer}/x`, 'utf8')).toBe('now a file');
  expect(readlinkSync(`${layer}/y`)).toBe('x');
  expect(readFileSync(`${layer}/z`, 'utf8')).toBe('new');
  expect(readdirSync(`${layer}/w`)).toEqual(['keep']);
});

describe('nothing leaves the layer', () => {
  const outside = () => `${root}/outside`;

  test.each(['../outside', '../../etc/x', 'a/../../outside', '/../outside'])('by the name %p', async name => {
    await expect(unpack({ name, kind: 'file', content: 'evil' })).rejects.toThrow('outside');
  });

  test('by a hard link', async () => {
    await expect(unpack({ name: 'l', kind: 'hardlink', linkName: '../outside' })).rejects.toThrow('outside');
    await expect(unpack({ name: 'l', kind: 'hardlink', linkName: outside() })).rejects.toThrow('not in the layer');
  });

  test('by an absolute name, or through a link', async () => {
    await unpack(
      { name: outside(), kind: 'file', content: 'evil' },
      { name: 'out', kind: 'symlink', linkName: '/' },
      { name: 'out/made', kind: 'file', content: 'inside' },
      { name: 'up', kind: 'symlink', linkName: '../../../../../..' },
      { name: 'up/made2', kind: 'file', content: 'inside' },
    );
    expect(readFileSync(`${layer}/made`, 'utf8')).toBe('inside');
    expect(readFileSync(`${layer}/made2`, 'utf8')).toBe('inside');
  });

  test('by writing into a device', async () => {
    await unpack(
      { name: 'null', kind: 'character', deviceMajor: 1, deviceMinor: 3 },
      { name: 'null', kind: 'file', content: 'a file now' },
    );
    expect(readFileSync(`${layer}/null`, 'utf8')).toBe('a file now');
  });
});

describe('packed and piecewise', () => {
  const files: Input[] = Array.from({ length: 300 }, (_, index) => ({
    name: `d${index % 7}/f${index}`,
    kind: 'file',
    content: String(index).repeat(500),
  }));

  test.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)('%s, with the diff id', async (_, pack) => {
    const plain = await tar(...files);
    const result = await unpackBytes(pack(plain));
    expect(result.diffId).toBe(sha256(plain));
    expect(readFileSync(`${layer}/d5/f299`, 'utf8')).toBe('299'.repeat(500));
  });

  test('unpacks while the blob grows', async () => {
    const bytes = gzipSync(await tar(...files));
    writeFileSync(`${root}/blob`, '');
    const unpacker = unpackerOf();
    const step = Math.ceil(bytes.length / 9);
    for (let at = 0; at < bytes.length; at += step) {
      appendFileSync(`${root}/blob`, bytes.subarray(at, at + step));
      unpacker.available(Math.min(at + step, bytes.length));
      await Bun.sleep(3);
    }
    unpacker.complete(bytes.length);
    expect((await unpacker.result).entries).toBe(300);
  });

  test.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 2000)],
    ['damaged', (bytes: Buffer) => bytes.fill(0x55, 5000, 5100)],
    ['no archive at all', () => Buffer.from('<html>not found</html>'.repeat(100))],
  ])('a blob that is %s is an error', async (_, damage) => {
    const bytes = await tar(...files);
    await expect(unpackBytes(damage(Buffer.from(gzipSync(bytes))))).rejects.toThrow(/malformed|tar:/);
  });

  test('a hundred thousand entries are no trouble', async () => {
    const count = 100_000;
    const link = (index: number) => tarEntry({ name: `${index % 50}/${index}`, kind: 'symlink', linkName: 'x' });
    const headers = Array.from({ length: count }, (_, index) => encodeTarHeader(link(index)));
    const result = await unpackBytes(gzipSync(Buffer.concat([...headers, TAR_END]), { level: 1 }));
    expect(result.entries).toBe(count);
    expect(readdirSync(`${layer}/7`).length).toBe(count / 50);
    rmSync(layer, { recursive: true });
    mkdirSync(layer);
  }, 60_000);

  test('a bomb goes off where the limit is: beyond 4 GB, at two hundred times its size', async () => {
    // Zeros say at once that the archive is over, so there is nothing to write; the layer's digest needs all of them.
    const zeros = gzipSync(new Uint8Array(64 * 1024 * 1024), { level: 9 });
    const bomb = Buffer.concat(Array.from({ length: 65 }, () => zeros));
    const unpacking = unpackBytes(bomb);
    await expect(unpacking).rejects.toThrow('expands more than 200 times: refused as a decompression bomb');
    // As long as there is too little to tell, or as many real bytes come along, it is none.
    const small = await unpackBytes(bomb.subarray(0, zeros.length * 3));
    expect(small).toMatchObject({ size: 0, entries: 0 });
  }, 120_000);

  test('aborting ends the helper', async () => {
    writeFileSync(`${root}/blob`, '');
    const unpacker = unpackerOf();
    unpacker.available(0);
    await unpacker.abort();
    await expect(unpacker.result).rejects.toThrow('SIGKILL');
  });

  test('holes stay holes', async () => {
    const file = `${root}/layer/../blob`;
    writeFileSync(file, 'start');
    truncateSync(file, 50_000_000);
    appendFileSync(file, 'end');
    const packed = Bun.spawnSync(['tar', '-C', root, '--sparse', '-cf', '-', 'blob']).stdout;
    await unpackBytes(packed);
    const stats = lstatSync(`${layer}/blob`);
    expect(stats.size).toBe(50_000_003);
    expect(stats.blocks * 512).toBeLessThan(1_000_000);
  });
});

describe('several layers, one after the other', () => {
  /** Pids of the pool's processes. */
  const helpers = () =>
    readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
      .split(' ')
      .filter(pid => pid !== '' && existsSync(`/proc/${pid}`))
      .filter(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(root));

  /** Each in an empty directory, looked at while it is there. */
  async function nextLayer(look: () => void, ...inputs: Input[]): Promise<void> {
    try {
      await unpack(...inputs);
      look();
    } finally {
      rmSync(layer, { recursive: true });
      mkdirSync(layer);
    }
  }

  test('have the same helper, and each is locked in for itself', async () => {
    const used = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const look = () => {
        for (const pid of helpers()) used.add(pid);
        expect(readdirSync(layer).sort()).toEqual(['deep', 'made', 'made2', 'out', 'up']);
        expect(readFileSync(`${layer}/made`, 'utf8')).toBe(`round ${round}`);
      };
      await nextLayer(
        look,
        { name: 'deep/er', kind: 'directory' },
        { name: 'out', kind: 'symlink', linkName: '/' },
        { name: 'out/made', kind: 'file', content: `round ${round}` },
        { name: 'up', kind: 'symlink', linkName: '../../../..' },
        { name: 'up/made2', kind: 'file', content: 'inside' },
      );
    }
    expect(used.size).toBe(1);
  });

  test('a bad one costs its helper', async () => {
    await nextLayer(() => {}, { name: 'good', kind: 'file' });
    const [first] = helpers();
    await expect(nextLayer(() => {}, { name: '../outside', kind: 'file', content: 'evil' })).rejects.toThrow('outside');
    expect(helpers()).toEqual([]);
    await nextLayer(() => {}, { name: 'good', kind: 'file' });
    expect(helpers()).not.toContain(first!);
  });

  test('a helper that was killed while it had nothing to do is no trouble', async () => {
    await nextLayer(() => {}, { name: 'good', kind: 'file' });
    const idle = helpers();
    for (const pid of idle) process.kill(Number(pid), 'SIGKILL');
    while (idle.some(pid => existsSync(`/proc/${pid}`))) await Bun.sleep(1);
    await nextLayer(() => expect(readdirSync(layer)).toEqual(['good']), { name: 'good', kind: 'file' });
  });
});
