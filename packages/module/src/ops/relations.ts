import { refuse } from '../refusals/refused.ts';
import type { CreateRelationOp, DeleteRelationOp, UpdateRelationOp } from '../schema/op-types.ts';
import type { RelationHistoryRow, RelationRow } from '../schema/rows.ts';
import { checkId, checkLabel, checkScope } from '../values/checks.ts';
import type { Timestamp } from '../values/library-values.ts';
import { MAX_CASCADE_ROWS } from '../wire/limits.ts';
import type { HistoryOperation } from '../wire/vocabulary.ts';
import {
  changedFields,
  checkGraphType,
  checkNewFields,
  keepsHistory,
  mergeFields,
  referToFieldChunks,
  type GraphFields,
} from './graph-fields.ts';
import {
  addProperties,
  addTags,
  removeLookups,
  replaceProperties,
  replaceTags,
  type LookupOwner,
} from './graph-lookups.ts';
import type { Work } from './work.ts';

/**
 * Creates a relation between two entities of its scope; with `upsert` replaces the fields of the one with the id
 * that is of the type and has the ends.
 */
export function createRelation(work: Work, op: CreateRelationOp): void {
  const scope = checkScope(op.scope);
  const relationType = checkGraphType(op.relationType, 'relation type');
  work.access.require('create', { kind: 'relation', name: relationType, scope });
  const id = checkId(op.id, 'relation id');
  const fields = checkNewFields(op);
  const author = checkLabel(op.author, 'author');
  checkStrength(op.strength);
  const existing = work.db.relation.id.find(id);
  if (existing === null) {
    requireEnd(work, op, 'fromId', scope);
    requireEnd(work, op, 'toId', scope);
    insertRelation(work, { id, relationType, scope, author, fields, op });
    return;
  }
  const sameEnds = existing.fromId === op.fromId && existing.toId === op.toId;
  if (!op.upsert || existing.scope !== scope || !sameEnds) {
    refuse('relation/id-taken', `The relation id '${id}' is taken.`, { ids: [id] });
  }
  if (!mayKnow(work, existing, 'update')) {
    refuse('relation/id-taken', `The relation id '${id}' is taken.`, { ids: [id] });
  }
  requireUpdate(work, existing, existing.relationType);
  if (existing.relationType !== relationType) {
    refuse('relation/id-taken', `The relation id '${id}' is taken, by one of type '${existing.relationType}'.`, {
      ids: [id],
      details: { id, type: existing.relationType },
    });
  }
  const { strength, bidirectional } = op;
  const updatedAt = op.authoredAt ?? work.now;
  replaceRelation(work, existing, { ...existing, ...fields, strength, bidirectional, author, updatedAt });
}

/** Changes the fields named of a relation. */
export function updateRelation(work: Work, op: UpdateRelationOp): void {
  const existing = requireRelation(work, op.id, 'update');
  const relationType =
    op.relationType === undefined ? existing.relationType : checkGraphType(op.relationType, 'relation type');
  requireUpdate(work, existing, relationType);
  requireSeq(existing, op.ifSeq);
  checkStrength(op.strength);
  if (op.clearStrength && op.strength !== undefined) {
    refuse('value/malformed', 'Set the strength or clear it, not both.', { ids: [op.id] });
  }
  replaceRelation(work, existing, {
    ...existing,
    ...mergeFields(existing, op),
    relationType,
    strength: op.clearStrength ? undefined : (op.strength ?? existing.strength),
    bidirectional: op.bidirectional ?? existing.bidirectional,
    author: checkLabel(op.author ?? '', 'author'),
    updatedAt: op.authoredAt ?? work.now,
  });
}

/** Deletes a relation. */
export function deleteRelation(work: Work, op: DeleteRelationOp): void {
  const existing = requireRelation(work, op.id, 'delete');
  requireSeq(existing, op.ifSeq);
  removeRelation(work, existing, checkLabel(op.author ?? '', 'author'), op.authoredAt ?? work.now);
}

/** How the deletion of an entity treats its relations. */
export interface RelationsDeletion {
  readonly cascade: boolean;
  readonly author: string;
  readonly updatedAt: Timestamp;
}

/** Deletes all relations of an entity, or refuses if there are any and the deletion does not cascade. */
export function deleteRelationsOf(work: Work, entityId: string, deletion: RelationsDeletion): void {
  const relations = new Map<string, RelationRow>();
  for (const row of work.db.relation.byFrom.filter(entityId)) relations.set(row.id, row);
  for (const row of work.db.relation.byTo.filter(entityId)) relations.set(row.id, row);
  if (relations.size === 0) return;
  if (!deletion.cascade) {
    // Of those that the caller may not know of, it learns that there are some, and no more.
    const known = [...relations.values()].filter((row) => mayKnow(work, row, 'delete')).map(({ id }) => id);
    refuse('entity/has-relations', `The entity '${entityId}' has relations. Delete them, or cascade.`, {
      ids: [entityId, ...known.slice(0, 16)],
      details: { relations: known.length },
    });
  }
  work.cascaded += relations.size;
  if (work.cascaded > MAX_CASCADE_ROWS) {
    refuse(
      'limit/cascade',
      `This would delete more than ${MAX_CASCADE_ROWS} relations. Delete them in several requests.`,
      {
        ids: [entityId],
        details: { relations: relations.size, limit: MAX_CASCADE_ROWS },
      },
    );
  }
  for (const row of relations.values()) removeRelation(work, row, deletion.author, deletion.updatedAt);
}

interface NewRelation {
  readonly id: string;
  readonly relationType: string;
  readonly scope: string;
  readonly author: string;
  readonly fields: GraphFields;
  readonly op: CreateRelationOp;
}

/** Writes one object to both tables: an insert takes the columns of its table and leaves the others. */
function insertRelation(work: Work, { id, relationType, scope, author, fields, op }: NewRelation): void {
  const seq = work.log.change('RELATION_CREATED', scope, id);
  const authoredAt = op.authoredAt ?? work.now;
  const row: RelationRow & RelationHistoryRow = {
    id,
    relationId: id,
    position: work.position,
    operation: 'created',
    changedFields: [],
    relationType,
    fromId: op.fromId,
    toId: op.toId,
    strength: op.strength,
    bidirectional: op.bidirectional,
    name: fields.name,
    description: fields.description,
    tags: fields.tags,
    properties: fields.properties,
    propertiesEncoding: fields.propertiesEncoding,
    scope,
    author,
    publisher: work.ctx.sender,
    createdAt: authoredAt,
    updatedAt: authoredAt,
    validFrom: fields.validFrom,
    validTo: fields.validTo,
    recordedAt: work.now,
    seq,
    createdSeq: seq,
    revision: 1,
  };
  referToFieldChunks(work, scope, fields);
  work.db.relation.insert(row);
  const owner = lookupOwner(row);
  addTags(work.db, owner);
  addProperties(work.db, work.settings, owner);
  if (keepsHistory(work, 'relation', relationType, seq)) work.db.relationHistory.insert(row);
}

function replaceRelation(work: Work, before: RelationRow, after: RelationRow): void {
  const changed = changedFields(before, after);
  if (before.relationType !== after.relationType) changed.push('relation_type');
  if (before.strength !== after.strength) changed.push('strength');
  if (before.bidirectional !== after.bidirectional) changed.push('bidirectional');
  if (changed.length === 0) return;
  const seq = work.log.change('RELATION_UPDATED', before.scope, before.id, { id: before.id, fields: changed });
  const row: RelationRow = {
    ...after,
    publisher: work.ctx.sender,
    recordedAt: work.now,
    seq,
    revision: before.revision + 1,
  };
  if (changed.includes('properties')) referToFieldChunks(work, row.scope, row);
  work.db.relation.id.update(row);
  const owner = lookupOwner(row);
  if (changed.includes('tags')) replaceTags(work.db, owner);
  if (changed.includes('properties') || changed.includes('relation_type')) {
    replaceProperties(work.db, work.settings, owner);
  }
  // Whoever asks for the past of the type that it was must learn that something is not told.
  if (before.relationType !== row.relationType) keepsHistory(work, 'relation', before.relationType, seq);
  writeHistory(work, row, 'updated', changed);
}

function removeRelation(work: Work, existing: RelationRow, author: string, updatedAt: Timestamp): void {
  if (!mayKnow(work, existing, 'delete')) work.access.deny('delete every relation of this entity');
  work.access.require('delete', { kind: 'relation', name: existing.relationType, scope: existing.scope });
  const seq = work.log.change('RELATION_DELETED', existing.scope, existing.id, {
    id: existing.id,
    type: existing.relationType,
  });
  removeLookups(work.db, lookupOwner(existing));
  work.db.relation.id.delete(existing.id);
  const publisher = work.ctx.sender;
  writeHistory(work, { ...existing, author, updatedAt, recordedAt: work.now, publisher, seq }, 'deleted', []);
}

function writeHistory(work: Work, row: RelationRow, operation: HistoryOperation, changed: string[]): void {
  if (!keepsHistory(work, 'relation', row.relationType, row.seq)) return;
  const { position } = work;
  work.db.relationHistory.insert({ ...row, relationId: row.id, position, operation, changedFields: changed });
}

/** Whether the caller may learn that a relation exists. */
function mayKnow(work: Work, { relationType: name, scope }: RelationRow, action: 'update' | 'delete'): boolean {
  return work.access.mayKnowOf(action, { kind: 'relation', name, scope });
}

function requireRelation(work: Work, id: string, action: 'update' | 'delete'): RelationRow {
  const existing = work.db.relation.id.find(id);
  if (existing !== null && mayKnow(work, existing, action)) return existing;
  if (!work.access.isOwner && !work.access.grants().some((grant) => [action, 'write'].includes(grant.action))) {
    work.access.deny(`${action} relations`);
  }
  return refuse('relation/not-found', `There is no relation '${id}'.`, { ids: [id] });
}

function requireEnd(work: Work, op: CreateRelationOp, end: 'fromId' | 'toId', scope: string): void {
  const id = checkId(op[end], end);
  const found = work.entityScopes.get(id) ?? work.db.entity.id.find(id)?.scope;
  if (found === undefined || (found !== scope && !mayKnowEntity(work, id))) {
    refuse('relation/endpoint-missing', `The relation '${op.id}' needs the entity '${id}', which does not exist.`, {
      ids: [op.id, id],
      details: { end },
    });
  }
  if (found !== scope) {
    refuse('scope/mismatch', `The relation '${op.id}' is of scope ${scope}, but '${id}' is of another.`, {
      ids: [op.id, id],
      details: { end, scope },
    });
  }
  work.entityScopes.set(id, found);
}

function mayKnowEntity(work: Work, id: string): boolean {
  const row = work.db.entity.id.find(id);
  return row !== null && work.access.mayKnowOf('read', { kind: 'entity', name: row.entityType, scope: row.scope });
}

function requireUpdate(work: Work, existing: RelationRow, relationType: string): void {
  work.access.require('update', { kind: 'relation', name: existing.relationType, scope: existing.scope });
  if (relationType !== existing.relationType) {
    work.access.require('update', { kind: 'relation', name: relationType, scope: existing.scope });
  }
}

function requireSeq(existing: RelationRow, ifSeq: bigint | undefined): void {
  if (ifSeq === undefined || ifSeq === existing.seq) return;
  refuse(
    'relation/seq-mismatch',
    `The relation '${existing.id}' was changed at ${existing.seq}, after ${ifSeq}. Read it again.`,
    {
      ids: [existing.id],
      details: { seq: existing.seq.toString(), ifSeq: ifSeq.toString() },
    },
  );
}

function checkStrength(strength: number | undefined): void {
  if (strength === undefined || Number.isFinite(strength)) return;
  refuse('value/malformed', `The strength ${strength} is no finite number.`);
}

function lookupOwner(row: RelationRow): LookupOwner {
  const { id, relationType: type, scope, tags, properties, propertiesEncoding, seq } = row;
  return { kind: 'relation', id, type, scope, tags, properties, propertiesEncoding, seq };
}
