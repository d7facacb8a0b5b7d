// The engine's memory. SQLite in WAL mode: a commit survives kill -9 of the daemon, and a torn write is rolled back at open.
import { Database } from 'bun:sqlite';
import { failed } from '../../lib/errors.ts';
import { migrations } from './migrations.ts';

export type StateDatabase = Database;

export function openState(path: string): StateDatabase {
  const database = new Database(path, { create: true, strict: true });
  database.run('PRAGMA journal_mode = WAL');
  database.run('PRAGMA synchronous = NORMAL');
  database.run('PRAGMA foreign_keys = ON');
  database.run('PRAGMA busy_timeout = 5000');
  migrate(database, path);
  return database;
}

function migrate(database: Database, path: string): void {
  const { user_version: version } = database.query('PRAGMA user_version').get() as { user_version: number };
  if (version > migrations.length) {
    throw failed(
      `${path} was written by a newer Dockyard (schema ${version}, this one knows ${migrations.length}); run that one, or start with another --data-root`,
    );
  }
  for (let next = version; next < migrations.length; next++) {
    database.transaction(() => {
      database.run(migrations[next]!.sql);
      database.run(`PRAGMA user_version = ${next + 1}`);
    })();
  }
}
