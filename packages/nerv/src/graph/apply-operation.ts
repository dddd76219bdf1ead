// The rules of the graph: what a write needs, and what follows from it.
//
// - A relation's ends exist when it is written, and an entity that has relations is not deleted without them.
// - An operation that is refused has written nothing.

import { NervError, RelationNotFoundError } from '../errors.ts';
import { unreachable } from '../assert.ts';
import type { Entity, Relation } from './entity.ts';
import type { Subject } from './graph-change.ts';
import type { DeleteEntity, GraphOperation, WriteEntity, WriteRelation } from './graph-operation.ts';
import type { GraphWriter } from './graph-writer.ts';
import { eachEdge, type RelationEnds } from './graph-store.ts';
import { makeEntity, makeRelation, patchEntity, patchRelation } from './make-row.ts';
import { requireVertex } from './walk.ts';

/**
 * Applies one operation.
 * @throws NervError with the codes that `EntityGraph` names at the method of that operation
 */
export function applyOperation(writer: GraphWriter, operation: GraphOperation): void {
  const { store } = writer;
  switch (operation.type) {
    case 'create-entity':
    case 'upsert-entity':
      return writeEntity(writer, operation);
    case 'create-relation':
    case 'upsert-relation':
      return writeRelation(writer, operation);
    case 'update-entity': {
      const before = atSeq('entity', requireVertex(store, operation.id).row, operation.ifSeq);
      return writer.put('entity', patchEntity(before, operation.patch, operation.at));
    }
    case 'update-relation': {
      const before = atSeq('relation', requireRelation(writer, operation.id), operation.ifSeq);
      return writer.put('relation', patchRelation(before, operation.patch, operation.at));
    }
    case 'delete-entity':
      return deleteEntity(writer, operation);
    case 'delete-relation':
      return writer.remove('relation', atSeq('relation', requireRelation(writer, operation.id), operation.ifSeq).id);
    default:
      return unreachable(operation, 'graph operation');
  }
}

function writeEntity(writer: GraphWriter, operation: WriteEntity): void {
  const before = writer.store.entities.get(operation.input.id)?.row;
  const entity = makeEntity(operation, before);
  const isTaken = operation.type === 'create-entity' || before?.type !== entity.type;
  if (before !== undefined && isTaken) throw idTaken('entity', before);
  writer.put('entity', entity);
}

function writeRelation(writer: GraphWriter, operation: WriteRelation): void {
  const before = writer.store.relations.get(operation.input.id)?.row;
  const relation = makeRelation(operation, before);
  if (before === undefined) {
    writer.addRelation(relation, endsOf(writer, relation));
    return;
  }
  const isSameTie = before.type === relation.type && before.from === relation.from && before.to === relation.to;
  if (operation.type === 'create-relation' || !isSameTie) throw idTaken('relation', before);
  writer.put('relation', relation);
}

function deleteEntity(writer: GraphWriter, { id, ifSeq, cascade }: DeleteEntity): void {
  const vertex = requireVertex(writer.store, id);
  atSeq('entity', vertex.row, ifSeq);
  const edges = [...eachEdge(vertex.out), ...eachEdge(vertex.in)];
  const relationIds = new Set(edges.map(({ row }) => row.id));
  if (relationIds.size > 0 && !cascade) throw hasRelations(id, relationIds);
  for (const relationId of relationIds) writer.remove('relation', relationId);
  writer.remove('entity', id);
}

function requireRelation({ store }: GraphWriter, id: string): Relation {
  const relation = store.relations.get(id)?.row;
  if (relation === undefined) throw new RelationNotFoundError(id);
  return relation;
}

function endsOf({ store }: GraphWriter, { id, from, to }: Relation): RelationEnds {
  const start = store.entities.get(from);
  const end = from === to ? start : store.entities.get(to);
  if (start !== undefined && end !== undefined) return { from: start, to: end };
  const missing = [from, to].filter((one) => store.entities.get(one) === undefined);
  throw new NervError(
    'relation/endpoint-missing',
    `Relation '${id}' needs the entities at its ends. Create first: '${missing.join("', '")}'.`,
    { details: { relationId: id, missing } },
  );
}

/** Gives the row, if it is as the write expects it. */
function atSeq<Row extends Entity>(subject: Subject, row: Row, ifSeq: number | undefined): Row {
  const { id, seq } = row;
  if (ifSeq === undefined || seq === ifSeq) return row;
  throw new NervError(
    `${subject}/seq-mismatch`,
    `'${id}' is at seq ${seq ?? 'none'}, not ${ifSeq}: it was written since. Read it again and decide anew.`,
    { details: { id, seq, ifSeq } },
  );
}

function idTaken(subject: Subject, { id, type }: Entity): NervError {
  return new NervError(
    `${subject}/id-taken`,
    `The ${subject} '${id}' of type '${type}' exists already. Update it, or choose another id.`,
    { details: { id, type } },
  );
}

function hasRelations(entityId: string, relationIds: ReadonlySet<string>): NervError {
  const { size } = relationIds;
  return new NervError(
    'entity/has-relations',
    `Entity '${entityId}' has ${size} relations. Delete them first, or delete it with { cascade: true }.`,
    { details: { entityId, relations: size, some: [...relationIds].slice(0, 10) } },
  );
}
