// The schema's history, oldest first. A release never edits an entry that an earlier release shipped: it appends.

export interface Migration {
  /** What it is about; for the reader only. */
  name: string;
  sql: string;
}

export const migrations: readonly Migration[] = [
  {
    name: 'containers and execs',
    sql: `
      CREATE TABLE containers (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        record TEXT NOT NULL
      ) STRICT;
    `,
  },
  {
    name: 'images: what names point at',
    sql: `
      CREATE TABLE images (
        id TEXT PRIMARY KEY,
        record TEXT NOT NULL
      ) STRICT;
      CREATE TABLE image_names (
        name TEXT PRIMARY KEY,
        image TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE
      ) STRICT;
    `,
  },
  {
    name: 'volumes',
    sql: `
      CREATE TABLE volumes (
        name TEXT PRIMARY KEY,
        record TEXT NOT NULL
      ) STRICT;
    `,
  },
  {
    name: 'networks, and the place of each container in them',
    sql: `
      CREATE TABLE networks (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        record TEXT NOT NULL
      ) STRICT;
      CREATE TABLE sandboxes (
        container TEXT PRIMARY KEY,
        record TEXT NOT NULL
      ) STRICT;
    `,
  },
  {
    name: 'images: what was done once, and pulls that have not ended',
    sql: `
      CREATE TABLE image_settings (
        name TEXT PRIMARY KEY
      ) STRICT;
      CREATE TABLE image_pulls (
        name TEXT PRIMARY KEY,
        record TEXT NOT NULL
      ) STRICT;
    `,
  },
  {
    name: 'what plugins hold for containers',
    sql: `
      CREATE TABLE plugin_claims (
        endpoint TEXT PRIMARY KEY,
        record TEXT NOT NULL
      ) STRICT;
    `,
  },
  {
    name: 'signatures that were good when an image came',
    sql: `
      CREATE TABLE image_signatures (
        image TEXT PRIMARY KEY,
        evidence TEXT NOT NULL
      ) STRICT;
    `,
  },
  {
    name: 'volumes of plugins',
    sql: `
      CREATE TABLE plugin_volumes (
        name TEXT PRIMARY KEY,
        record TEXT NOT NULL
      ) STRICT;
    `,
  },
  {
    name: 'what came with loads that have not ended',
    sql: `
      CREATE TABLE image_loads (
        kind TEXT NOT NULL,
        digest TEXT NOT NULL,
        began INTEGER NOT NULL,
        PRIMARY KEY (kind, digest)
      ) STRICT;
    `,
  },
];
