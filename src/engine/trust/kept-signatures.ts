// Signatures that were good when their image was pulled: kept with the engine's state, so that `run` needs no registry. They
// are judged again each time, so nothing here has to be believed for longer than the policy says.
import type { Digest } from '../../lib/ids.ts';
import type { Evidence } from '../../signatures/signature.ts';
import type { StateDatabase } from '../state/database.ts';

/** Enough for a change of keys; more would let a registry fill our disk. */
const MAX_PER_IMAGE = 20;

export class KeptSignatures {
  constructor(private readonly database: StateDatabase) {}

  of(digest: Digest): Evidence[] {
    const row = this.database.query('SELECT evidence FROM image_signatures WHERE image = ?').get(digest) as
      | { evidence: string }
      | undefined;
    return row ? (JSON.parse(row.evidence) as Evidence[]) : [];
  }

  /** New ones first. */
  keep(digest: Digest, good: readonly Evidence[]): void {
    const texts = [...good, ...this.of(digest)].map(each => JSON.stringify(each));
    const kept = [...new Set(texts)].slice(0, MAX_PER_IMAGE);
    this.database
      .query(
        'INSERT INTO image_signatures (image, evidence) VALUES (?1, ?2) ON CONFLICT (image) DO UPDATE SET evidence = ?2',
      )
      .run(digest, `[${kept.join(',')}]`);
  }

  forget(digest: Digest): void {
    this.database.query('DELETE FROM image_signatures WHERE image = ?').run(digest);
  }

  /** Those of images that are gone. */
  sweep(): void {
    this.database.run('DELETE FROM image_signatures WHERE image NOT IN (SELECT id FROM images)');
  }
}
