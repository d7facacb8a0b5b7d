import { expect, test } from 'bun:test';
import { tarEntry } from '../../lib/tar/writer.ts';
import { LayerWriter } from './layer-writer.ts';

test('ten million entries are enough', () => {
  const writer = new LayerWriter();
  // Bookkeeping of AUFS: it counts, and makes no file.
  const entry = tarEntry({ name: '.wh..wh.x', kind: 'file' });
  for (let count = 0; count < 10_000_000; count++) writer.entry(entry);
  expect(writer.finish().entries).toBe(10_000_000);
  expect(() => writer.entry(entry)).toThrow('it has more than 10000000 entries');
}, 60_000);
