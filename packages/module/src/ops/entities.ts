import { refuse } from '../refusals/refused.ts';
import type { CreateEntityOp, DeleteEntityOp, UpdateEntityOp } from '../schema/op-types.ts';
import type { EntityHistoryRow, EntityRow } from '../schema/rows.ts';
import { checkId, checkLabel, checkScope } from '../values/checks.ts';
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
import { deleteRelationsOf } from './relations.ts';
import type { Work } from './work.ts';

/** Creates an entity; with `upsert` replaces the fields of the one that has the id and is of the type. */
export function createEntity(work: Work, op: CreateEntityOp): void {
  const scope = checkScope(op.scope);
  const entityType = checkGraphType(op.entityType, 'entity type');
  work.access.require('create', { kind: 'entity', name: entityType, scope });
  const id = checkId(op.id, 'entity id');
  const fields = checkNewFields(op);
  const author = checkLabel(op.author, 'author');
  const existing = work.db.entity.id.find(id);
  if (existing === null) {
    insertEntity(work, { id, entityType, scope, author, fields, op });
    return;
  }
  if (!op.upsert || existing.scope !== scope) {
    refuse('entity/id-taken', `The entity id '${id}' is taken.`, { ids: [id] });
  }
  if (!mayKnow(work, existing, 'update')) refuse('entity/id-taken', `The entity id '${id}' is taken.`, { ids: [id] });
  requireUpdate(work, existing, existing.entityType);
  if (existing.entityType !== entityType) {
    refuse('entity/id-taken', `The entity id '${id}' is taken, by one of type '${existing.entityType}'.`, {
      ids: [id],
      details: { id, type: existing.entityType },
    });
  }
  replaceEntity(work, existing, { ...existing, ...fields, author, updatedAt: op.authoredAt ?? work.now });
}

/** Changes the fields named of an entity. */
export function updateEntity(work: Work, op: UpdateEntityOp): void {
  const existing = requireEntity(work, op.id, 'update');
  const entityType = op.entityType === undefined ? existing.entityType : checkGraphType(op.entityType, 'entity type');
  requireUpdate(work, existing, entityType);
  requireSeq(existing, op.ifSeq);
  replaceEntity(work, existing, {
    ...existing,
    ...mergeFields(existing, op),
    entityType,
    author: checkLabel(op.author ?? '', 'author'),
    updatedAt: op.authoredAt ?? work.now,
  });
}

/** Deletes an entity; its relations only if asked to cascade. */
export function deleteEntity(work: Work, op: DeleteEntityOp): void {
  const existing = requireEntity(work, op.id, 'delete');
  work.access.require('delete', { kind: 'entity', name: existing.entityType, scope: existing.scope });
  requireSeq(existing, op.ifSeq);
  const author = checkLabel(op.author ?? '', 'author');
  const updatedAt = op.authoredAt ?? work.now;
  deleteRelationsOf(work, existing.id, { cascade: op.cascade, author, updatedAt });
  const seq = work.log.change('ENTITY_DELETED', existing.scope, existing.id, {
    id: existing.id,
    type: existing.entityType,
  });
  removeLookups(work.db, lookupOwner(existing));
  work.db.entity.id.delete(existing.id);
  work.entityScopes.delete(existing.id);
  writeHistory(
    work,
    { ...existing, author, updatedAt, recordedAt: work.now, publisher: work.ctx.sender, seq },
    'deleted',
    [],
  );
}

interface NewEntity {
  readonly id: string;
  readonly entityType: string;
  readonly scope: string;
  readonly author: string;
  readonly fields: GraphFields;
  readonly op: CreateEntityOp;
}

/** Writes one object to both tables: an insert takes the columns of its table and leaves the others. */
function insertEntity(work: Work, { id, entityType, scope, author, fields, op }: NewEntity): void {
  const seq = work.log.change('ENTITY_CREATED', scope, id);
  const authoredAt = op.authoredAt ?? work.now;
  const row: EntityRow & EntityHistoryRow = {
    id,
    entityId: id,
    position: work.position,
    operation: 'created',
    changedFields: [],
    entityType,
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
  work.db.entity.insert(row);
  work.entityScopes.set(id, scope);
  const owner = lookupOwner(row);
  addTags(work.db, owner);
  addProperties(work.db, work.settings, owner);
  if (keepsHistory(work, 'entity', entityType, seq)) work.db.entityHistory.insert(row);
}

function replaceEntity(work: Work, before: EntityRow, after: EntityRow): void {
  const changed = changedFields(before, after);
  if (before.entityType !== after.entityType) changed.push('entity_type');
  if (changed.length === 0) return;
  const seq = work.log.change('ENTITY_UPDATED', before.scope, before.id, { id: before.id, fields: changed });
  const row: EntityRow = {
    ...after,
    publisher: work.ctx.sender,
    recordedAt: work.now,
    seq,
    revision: before.revision + 1,
  };
  if (changed.includes('properties')) referToFieldChunks(work, row.scope, row);
  work.db.entity.id.update(row);
  const owner = lookupOwner(row);
  if (changed.includes('tags')) replaceTags(work.db, owner);
  if (changed.includes('properties') || changed.includes('entity_type'))
    replaceProperties(work.db, work.settings, owner);
  // Whoever asks for the past of the type that it was must learn that something is not told.
  if (before.entityType !== row.entityType) keepsHistory(work, 'entity', before.entityType, seq);
  writeHistory(work, row, 'updated', changed);
}

function writeHistory(work: Work, row: EntityRow, operation: HistoryOperation, changed: string[]): void {
  if (!keepsHistory(work, 'entity', row.entityType, row.seq)) return;
  const { position } = work;
  work.db.entityHistory.insert({ ...row, entityId: row.id, position, operation, changedFields: changed });
}

function mayKnow(work: Work, { entityType: name, scope }: EntityRow, action: 'update' | 'delete'): boolean {
  return work.access.mayKnowOf(action, { kind: 'entity', name, scope });
}

/** The entity of an id, to somebody who may do this to it, or read it; others do not learn whether it exists. */
function requireEntity(work: Work, id: string, action: 'update' | 'delete'): EntityRow {
  const existing = work.db.entity.id.find(id);
  if (existing !== null && mayKnow(work, existing, action)) return existing;
  if (!work.access.isOwner && !work.access.grants().some((grant) => [action, 'write'].includes(grant.action))) {
    work.access.deny(`${action} entities`);
  }
  return refuse('entity/not-found', `There is no entity '${id}'.`, { ids: [id] });
}

function requireUpdate(work: Work, existing: EntityRow, entityType: string): void {
  work.access.require('update', { kind: 'entity', name: existing.entityType, scope: existing.scope });
  if (entityType !== existing.entityType) {
    work.access.require('update', { kind: 'entity', name: entityType, scope: existing.scope });
  }
}

function requireSeq(existing: EntityRow, ifSeq: bigint | undefined): void {
  if (ifSeq === undefined || ifSeq === existing.seq) return;
  refuse(
    'entity/seq-mismatch',
    `The entity '${existing.id}' was changed at ${existing.seq}, after ${ifSeq}. Read it again.`,
    {
      ids: [existing.id],
      details: { seq: existing.seq.toString(), ifSeq: ifSeq.toString() },
    },
  );
}

function lookupOwner(row: EntityRow): LookupOwner {
  const { id, entityType: type, scope, tags, properties, propertiesEncoding, seq } = row;
  return { kind: 'entity', id, type, scope, tags, properties, propertiesEncoding, seq };
}
