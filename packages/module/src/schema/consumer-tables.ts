/** Durable subscriptions. Columns are for ever. */
import { t, table } from 'spacetimedb/server';

/** Named consumers of the log. */
export const consumer = table(
  {},
  {
    name: t.string().primaryKey(),
    scope: t.string().index('btree'),
    pattern: t.string(),
    partitions: t.u32(),
    holdsTrim: t.bool(),
    failurePolicy: t.string(),
    publisher: t.identity(),
    createdAt: t.timestamp(),
    seq: t.u64().index('btree'),
  },
);

/** How far each partition is, and who holds it. */
export const consumerPartition = table(
  {},
  {
    partitionKey: t.string().primaryKey(),
    name: t.string().index('btree'),
    partition: t.u32(),
    offset: t.u64(),
    epoch: t.u64(),
    holder: t.string(),
    holderIdentity: t.identity(),
    holderConnection: t.connectionId().index('btree'),
    leaseMicros: t.i64(),
    leaseUntil: t.timestamp(),
    updatedAt: t.timestamp(),
  },
);

/** Who takes part in a consumer, holding partitions or standing by; partitions are shared out among them. */
export const consumerWorker = table(
  {},
  {
    workerKey: t.string().primaryKey(),
    name: t.string().index('btree'),
    holder: t.string(),
    identity: t.identity(),
    connection: t.connectionId().index('btree'),
    leaseUntil: t.timestamp(),
    joinedAt: t.timestamp(),
  },
);

/** Events a consumer's handler could not take. */
export const consumerDeadLetter = table(
  { indexes: [{ accessor: 'byName', algorithm: 'btree', columns: ['name', 'seq'] }] },
  {
    letterKey: t.string().primaryKey(),
    name: t.string(),
    partition: t.u32(),
    eventId: t.string(),
    seq: t.u64(),
    reason: t.string(),
    attempts: t.u32(),
    parkedAt: t.timestamp(),
  },
);
