/** Entities and relations, now and in the past. Columns are for ever. */
import { t, table } from 'spacetimedb/server';

const graphColumns = {
  name: t.string(),
  description: t.string(),
  tags: t.array(t.string()),
  properties: t.string(),
  propertiesEncoding: t.string(),
  scope: t.string(),
  author: t.string(),
  publisher: t.identity(),
  createdAt: t.timestamp(),
  updatedAt: t.timestamp(),
  validFrom: t.option(t.timestamp()),
  validTo: t.option(t.timestamp()),
  recordedAt: t.timestamp(),
  seq: t.u64(),
};

/** Entities as they are now. */
export const entity = table(
  {
    indexes: [
      { accessor: 'byScope', algorithm: 'btree', columns: ['scope', 'seq'] },
      { accessor: 'byType', algorithm: 'btree', columns: ['entityType', 'seq'] },
      { accessor: 'byName', algorithm: 'btree', columns: ['name', 'seq'] },
    ],
  },
  {
    id: t.string().primaryKey(),
    entityType: t.string(),
    ...graphColumns,
    createdSeq: t.u64(),
    revision: t.u32(),
  },
);

/** Relations as they are now. */
export const relation = table(
  {
    indexes: [
      { accessor: 'byScope', algorithm: 'btree', columns: ['scope', 'seq'] },
      { accessor: 'byType', algorithm: 'btree', columns: ['relationType', 'seq'] },
      { accessor: 'byName', algorithm: 'btree', columns: ['name', 'seq'] },
      { accessor: 'byFrom', algorithm: 'btree', columns: ['fromId', 'seq'] },
      { accessor: 'byTo', algorithm: 'btree', columns: ['toId', 'seq'] },
    ],
  },
  {
    id: t.string().primaryKey(),
    relationType: t.string(),
    fromId: t.string(),
    toId: t.string(),
    strength: t.option(t.f64()),
    bidirectional: t.bool(),
    ...graphColumns,
    createdSeq: t.u64(),
    revision: t.u32(),
  },
);

/** Every change of an entity, with its full value. */
export const entityHistory = table(
  {
    indexes: [
      { accessor: 'byEntity', algorithm: 'btree', columns: ['entityId', 'seq'] },
      { accessor: 'byScope', algorithm: 'btree', columns: ['scope', 'seq'] },
    ],
  },
  {
    entityId: t.string(),
    position: t.u32(),
    operation: t.string(),
    changedFields: t.array(t.string()),
    entityType: t.string(),
    ...graphColumns,
    revision: t.u32(),
  },
);

/** Every change of a relation, with its full value. */
export const relationHistory = table(
  {
    indexes: [
      { accessor: 'byRelation', algorithm: 'btree', columns: ['relationId', 'seq'] },
      { accessor: 'byScope', algorithm: 'btree', columns: ['scope', 'seq'] },
      { accessor: 'byFrom', algorithm: 'btree', columns: ['fromId', 'seq'] },
      { accessor: 'byTo', algorithm: 'btree', columns: ['toId', 'seq'] },
    ],
  },
  {
    relationId: t.string(),
    position: t.u32(),
    operation: t.string(),
    changedFields: t.array(t.string()),
    relationType: t.string(),
    fromId: t.string(),
    toId: t.string(),
    strength: t.option(t.f64()),
    bidirectional: t.bool(),
    ...graphColumns,
    revision: t.u32(),
  },
);

/** Which entities and relations carry a tag; `seq` is when they got it. */
export const entityTag = table(
  {
    indexes: [
      { accessor: 'byTag', algorithm: 'btree', columns: ['tag', 'seq'] },
      { accessor: 'byOwner', algorithm: 'btree', columns: ['ownerId', 'ownerKind'] },
    ],
  },
  {
    tag: t.string(),
    ownerId: t.string(),
    /** `entity` or `relation`. */
    ownerKind: t.string(),
    scope: t.string(),
    seq: t.u64(),
  },
);

/** The declared properties of entities and relations, for look-up; `value` is canonical JSON text. */
export const entityProperty = table(
  {
    indexes: [
      { accessor: 'byValue', algorithm: 'btree', columns: ['propertyKey', 'value', 'seq'] },
      { accessor: 'byOwner', algorithm: 'btree', columns: ['ownerId', 'ownerKind'] },
    ],
  },
  {
    propertyKey: t.string(),
    value: t.string(),
    ownerId: t.string(),
    ownerKind: t.string(),
    ownerType: t.string(),
    scope: t.string(),
    seq: t.u64(),
  },
);

/** Of types whose changes were not all kept: the `seq` of the last one that was not. */
export const historyGap = table(
  {},
  {
    /** `entity:` or `relation:`, and the type. */
    gapKey: t.string().primaryKey(),
    ownerKind: t.string(),
    ownerType: t.string(),
    seq: t.u64(),
    recordedAt: t.timestamp(),
  },
);

/** From which `seq` on the past of the graph is kept, once anything was pruned; one row. */
export const historyBound = table(
  {},
  {
    id: t.u8().primaryKey(),
    keptFromSeq: t.u64(),
    /** When that was recorded. */
    keptFrom: t.timestamp(),
    /** How far what lies before it is removed. */
    cursor: t.string(),
    done: t.bool(),
    /** Rows removed so far, of all prunings together. */
    removed: t.u64(),
  },
);
