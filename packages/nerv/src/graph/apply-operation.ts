// The rules of the graph: what a write needs, and what follows from it.
//
// - A relation's ends exist when it is written, and an entity that has relations is not deleted without them.
// - An operation that is refused has written nothing.

import { EntityNotFoundError, NervError, RelationNotFoundError, taken } from '../errors.ts';
import { unreachable } from '../assert.ts';
import type { Entity, Relation } from './entity.ts';
import type { Subject } from './graph-change.ts';
import type { DeleteEntity, GraphOperation, WriteEntity, WriteRelation } from './graph-operation.ts';
import type { GraphWriter } from './graph-writer.ts';
import { makeEntity, makeRelation, patchEntity, patchRelation } from './make-row.ts';

/**
 * Applies one operation.
 * @throws NervError with the codes that `EntityGraph` names at the method of that operation
 */
export function applyOperation(writer: GraphWriter, operation: GraphOperation): void {
  switch (operation.type) {
    case 'create-entity':
    case 'upsert-entity':
      return writeEntity(writer, operation);
    case 'create-relation':
    case 'upsert-relation':
      return writeRelation(writer, operation);
    case 'update-entity':
      return writer.put('entity', patchEntity(current(writer, 'entity', operation), operation.patch, operation.at));
    case 'update-relation': {
      const before = current(writer, 'relation', operation) as Relation; // under a relation's id
      return writer.put('relation', patchRelation(before, operation.patch, operation.at));
    }
    case 'delete-entity':
      return deleteEntity(writer, operation);
    case 'delete-relation':
      return writer.remove('relation', current(writer, 'relation', operation).id);
    default:
      return unreachable(operation, 'graph operation');
  }
}

function writeEntity(writer: GraphWriter, operation: WriteEntity): void {
  const before = writer.store.get('entity', operation.input.id);
  const entity = makeEntity(operation, before);
  const isTaken = operation.type === 'create-entity' || before?.type !== entity.type;
  if (before !== undefined && isTaken) throw idTaken('entity', before);
  writer.put('entity', entity);
}

function writeRelation(writer: GraphWriter, operation: WriteRelation): void {
  const { store } = writer;
  const before = store.get('relation', operation.input.id) as Relation | undefined; // under a relation's id
  const relation = makeRelation(operation, before);
  if (before === undefined) {
    const { id, from, to } = relation;
    const isWhole = store.get('entity', from) !== undefined && store.get('entity', to) !== undefined;
    if (!isWhole)
      throw endpointMissing(
        id,
        [from, to].filter((end) => store.get('entity', end) === undefined),
      );
  } else {
    const isSameTie = before.type === relation.type && before.from === relation.from && before.to === relation.to;
    if (operation.type === 'create-relation' || !isSameTie) throw idTaken('relation', before);
  }
  writer.put('relation', relation);
}

function deleteEntity(writer: GraphWriter, operation: DeleteEntity): void {
  const { id } = current(writer, 'entity', operation);
  const relationIds = new Set(Array.from(writer.store.relationsAt(id), (relation) => relation.id));
  if (relationIds.size > 0 && !operation.cascade) throw hasRelations(id, relationIds);
  for (const relationId of relationIds) writer.remove('relation', relationId);
  writer.remove('entity', id);
}

/** The row that a write changes, if it is there, and as the write expects it. */
function current({ store }: GraphWriter, subject: Subject, { id, ifSeq }: ExpectedRow): Entity {
  const row = store.get(subject, id);
  if (row === undefined) throw subject === 'entity' ? new EntityNotFoundError(id) : new RelationNotFoundError(id);
  const { seq } = row;
  if (ifSeq === undefined || seq === ifSeq) return row;
  throw new NervError(`${subject}/seq-mismatch`, `'${id}' is at seq ${seq ?? 'none'}, not ${ifSeq}: read it again.`, {
    details: { id, seq, ifSeq },
  });
}

type ExpectedRow = Pick<DeleteEntity, 'id' | 'ifSeq'>;

function endpointMissing(relationId: string, missing: readonly string[]): NervError {
  return new NervError(
    'relation/endpoint-missing',
    `Relation '${relationId}' needs the entities at its ends. Create first: '${missing.join("', '")}'.`,
    { details: { relationId, missing } },
  );
}

function idTaken(subject: Subject, { id, type }: Entity): NervError {
  return taken(`${subject}/id-taken`, subject, { id, type });
}

function hasRelations(entityId: string, relationIds: ReadonlySet<string>): NervError {
  const { size } = relationIds;
  return new NervError(
    'entity/has-relations',
    `Entity '${entityId}' has ${size} relations. Delete them too: { cascade: true }.`,
    { details: { entityId, relations: size, some: [...relationIds].slice(0, 10) } },
  );
}
