/**
 * The log and what tells of it. Columns are for ever: they can be appended with a default, never removed, renamed,
 * retyped or reordered.
 */
import { t, table } from 'spacetimedb/server';

const eventColumns = {
  eventType: t.string(),
  typeVersion: t.u32(),
  kind: t.string(),
  scope: t.string(),
  source: t.string(),
  publisher: t.identity(),
  partitionKey: t.string(),
  authoredAt: t.timestamp(),
  recordedAt: t.timestamp(),
  data: t.string(),
  dataEncoding: t.string(),
  metadata: t.string(),
  metadataEncoding: t.string(),
};

/** Durable events and the module's own records. */
export const eventLog = table(
  {
    indexes: [
      { accessor: 'byScope', algorithm: 'btree', columns: ['scope', 'seq'] },
      { accessor: 'byType', algorithm: 'btree', columns: ['eventType', 'seq'] },
      { accessor: 'bySource', algorithm: 'btree', columns: ['source', 'seq'] },
    ],
  },
  { eventId: t.string().primaryKey(), seq: t.u64().index('btree'), ...eventColumns },
);

/** Every event as it happens; rows are broadcast and not kept. */
export const eventFeed = table(
  { event: true },
  {
    eventId: t.string(),
    seq: t.u64(),
    ...eventColumns,
    durability: t.string(),
    requestId: t.string(),
  },
);

/** The last ephemeral events of each scope, in a ring. */
export const recentEvent = table(
  { indexes: [{ accessor: 'byScope', algorithm: 'btree', columns: ['scope', 'recentNumber'] }] },
  {
    slotKey: t.string().primaryKey(),
    recentNumber: t.u64(),
    eventId: t.string().index('btree'),
    ...eventColumns,
  },
);

/** The one row from which `seq` and the recorded time are taken. */
export const logHead = table(
  {},
  {
    id: t.u8().primaryKey(),
    nextSeq: t.u64(),
    recordedAt: t.timestamp(),
    applicationEvents: t.u64(),
    systemRecords: t.u64(),
    trimmedSeq: t.u64(),
    trimmedDigest: t.string(),
  },
);

/** The scopes there are, and their secret keys. */
export const scope = table(
  {},
  {
    name: t.string().primaryKey(),
    scopeKey: t.string().unique(),
    createdAt: t.timestamp(),
  },
);

/** Public: tells that something happened in a scope whose key one knows. */
export const head = table({ public: true }, { scopeKey: t.string().primaryKey(), seq: t.u64(), recentNumber: t.u64() });

/** Requests that were applied, for seven days. */
export const request = table(
  {},
  {
    requestId: t.string().primaryKey(),
    identity: t.identity(),
    recordedAt: t.timestamp().index('btree'),
    seq: t.u64(),
  },
);
