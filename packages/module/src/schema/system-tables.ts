/** What the module knows about itself. Columns are for ever. */
import { t, table } from 'spacetimedb/server';

/** Public, one row; its layout never changes. */
export const schemaVersion = table(
  { public: true },
  {
    id: t.u8().primaryKey(),
    codeVersion: t.u32(),
    dataVersion: t.u32(),
    oldestClient: t.u32(),
    release: t.string(),
    updatedAt: t.timestamp(),
  },
);

/** What can be changed at run time; `owner` is the module's own key and cannot. */
export const config = table(
  {},
  {
    key: t.string().primaryKey(),
    value: t.string(),
    publisher: t.identity(),
    updatedAt: t.timestamp(),
    seq: t.u64(),
  },
);

/** Where a migration or another long job of bounded steps stands. */
export const jobCursor = table(
  {},
  {
    job: t.string().primaryKey(),
    cursor: t.string(),
    done: t.bool(),
    processed: t.u64(),
    updatedAt: t.timestamp(),
  },
);

/** When maintenance runs: prunes requests, chunks and rate buckets. */
export const maintenanceTimer = table({}, { scheduledId: t.u64().primaryKey().autoInc(), scheduledAt: t.scheduleAt() });
