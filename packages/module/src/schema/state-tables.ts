/** Versions of states, the names that point at them, and their texts. Columns are for ever. */
import { t, table } from 'spacetimedb/server';

/** The stores there are. */
export const stateStore = table(
  { indexes: [{ accessor: 'byScope', algorithm: 'btree', columns: ['scope', 'seq'] }] },
  {
    store: t.string().primaryKey(),
    scope: t.string(),
    publisher: t.identity(),
    createdAt: t.timestamp(),
    seq: t.u64(),
  },
);

/** Versions: immutable nodes of a store's history. */
export const stateVersion = table(
  {
    indexes: [
      { accessor: 'byStore', algorithm: 'btree', columns: ['store', 'seq'] },
      { accessor: 'byScope', algorithm: 'btree', columns: ['scope', 'seq'] },
    ],
  },
  {
    versionId: t.string().primaryKey(),
    store: t.string(),
    scope: t.string(),
    parentVersionId: t.string(),
    parentCount: t.u32(),
    dataHash: t.string(),
    chainHash: t.string(),
    author: t.string(),
    publisher: t.identity(),
    authoredAt: t.timestamp(),
    recordedAt: t.timestamp(),
    seq: t.u64(),
    position: t.u32(),
    description: t.string(),
    metadata: t.string(),
    metadataEncoding: t.string(),
    depth: t.u64(),
    generation: t.u64(),
    nearestSnapshotId: t.string(),
    deltasSinceSnapshot: t.u32(),
    bytesSinceSnapshot: t.u64(),
  },
);

/** All parents of each version, in order. */
export const versionParent = table(
  { indexes: [{ accessor: 'byVersion', algorithm: 'btree', columns: ['versionId', 'position'] }] },
  {
    versionId: t.string(),
    position: t.u32(),
    parentId: t.string().index('btree'),
  },
);

/** Branches: names for heads that move. */
export const branch = table(
  {
    indexes: [
      { accessor: 'byStore', algorithm: 'btree', columns: ['store', 'seq'] },
      { accessor: 'byScope', algorithm: 'btree', columns: ['scope', 'seq'] },
    ],
  },
  {
    branchKey: t.string().primaryKey(),
    store: t.string(),
    name: t.string(),
    scope: t.string(),
    head: t.string().index('btree'),
    publisher: t.identity(),
    createdAt: t.timestamp(),
    updatedAt: t.timestamp(),
    seq: t.u64(),
  },
);

/** Every move of a branch. */
export const branchMove = table(
  {
    indexes: [
      { accessor: 'byBranch', algorithm: 'btree', columns: ['branchKey', 'seq'] },
      { accessor: 'byScope', algorithm: 'btree', columns: ['scope', 'seq'] },
    ],
  },
  {
    branchKey: t.string(),
    store: t.string(),
    name: t.string(),
    scope: t.string(),
    fromHead: t.string(),
    toHead: t.string(),
    publisher: t.identity(),
    recordedAt: t.timestamp(),
    seq: t.u64(),
    position: t.u32(),
  },
);

/** Tags: names for versions that stay. */
export const tag = table(
  {
    indexes: [
      { accessor: 'byStore', algorithm: 'btree', columns: ['store', 'seq'] },
      { accessor: 'byScope', algorithm: 'btree', columns: ['scope', 'seq'] },
    ],
  },
  {
    tagKey: t.string().primaryKey(),
    store: t.string(),
    name: t.string(),
    scope: t.string(),
    versionId: t.string().index('btree'),
    description: t.string(),
    author: t.string(),
    publisher: t.identity(),
    recordedAt: t.timestamp(),
    seq: t.u64(),
  },
);

/** Each version's delta against its first parent. */
export const deltaRecord = table(
  {},
  {
    versionId: t.string().primaryKey(),
    store: t.string(),
    scope: t.string(),
    delta: t.string(),
    deltaEncoding: t.string(),
    byteLength: t.u64(),
    publisher: t.identity(),
    recordedAt: t.timestamp(),
    seq: t.u64(),
  },
);

/** Whole states of some versions. */
export const stateSnapshot = table(
  { indexes: [{ accessor: 'byStore', algorithm: 'btree', columns: ['store', 'seq'] }] },
  {
    versionId: t.string().primaryKey(),
    store: t.string(),
    scope: t.string(),
    state: t.string(),
    stateEncoding: t.string(),
    byteLength: t.u64(),
    publisher: t.identity(),
    recordedAt: t.timestamp(),
    seq: t.u64(),
  },
);

/**
 * Lines of versions that were left out, each the only parent of the next; named by the last one. What their chain hashes
 * cover is kept, so that the history verifies.
 */
export const compactedRun = table(
  { indexes: [{ accessor: 'byStore', algorithm: 'btree', columns: ['store', 'seq'] }] },
  {
    runId: t.string().primaryKey(),
    store: t.string(),
    scope: t.string(),
    ancestor: t.string().index('btree'),
    chainHash: t.string(),
    versions: t.u64(),
    headers: t.string(),
    publisher: t.identity(),
    recordedAt: t.timestamp(),
    seq: t.u64(),
  },
);

/** A large value: how many pieces it has, and how many rows refer to it. */
export const chunkValue = table(
  {},
  {
    valueKey: t.string().primaryKey(),
    scope: t.string(),
    digest: t.string(),
    count: t.u32(),
    received: t.u32(),
    byteLength: t.u64(),
    references: t.u64(),
    publisher: t.identity(),
    recordedAt: t.timestamp().index('btree'),
  },
);

/** The pieces of large values. */
export const chunk = table(
  { indexes: [{ accessor: 'byValue', algorithm: 'btree', columns: ['valueKey', 'position'] }] },
  {
    chunkKey: t.string().primaryKey(),
    valueKey: t.string(),
    digest: t.string(),
    position: t.u32(),
    bytes: t.byteArray(),
    recordedAt: t.timestamp(),
  },
);
