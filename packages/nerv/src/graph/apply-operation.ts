// The rules of the graph: what a write needs, and what follows from it.
//
// - A relation's ends exist when it is written, and an entity that has relations is not deleted without them.
// - An operation that is refused has written nothing.

import { NervError, RelationNotFoundError } from '../errors.ts';
import { unreachable } from '../assert.ts';
import type { Entity, Relation } from './entity.ts';
import type {
  DeleteEntity,
  DeleteRelation,
  GraphOperation,
  UpdateEntity,
  UpdateRelation,
  WriteEntity,
  WriteRelation,
} from './graph-operation.ts';
import type { GraphWriter } from './graph-writer.ts';
import { eachEdge, type RelationEnds } from './graph-store.ts';
import { makeEntity, makeRelation, patchEntity, patchRelation } from './make-row.ts';
import { requireVertex } from './walk.ts';

/**
 * Applies one operation.
 * @throws NervError with the codes that `EntityGraph` names at the method of that operation
 */
export function applyOperation(writer: GraphWriter, operation: GraphOperation): void {
  switch (operation.type) {
    case 'create-entity':
      return createEntity(writer, operation);
    case 'upsert-entity':
      return upsertEntity(writer, operation);
    case 'update-entity':
      return updateEntity(writer, operation);
    case 'delete-entity':
      return deleteEntity(writer, operation);
    case 'create-relation':
      return createRelation(writer, operation);
    case 'upsert-relation':
      return upsertRelation(writer, operation);
    case 'update-relation':
      return updateRelation(writer, operation);
    case 'delete-relation':
      return deleteRelation(writer, operation);
    default:
      return unreachable(operation, 'graph operation');
  }
}

function createEntity(writer: GraphWriter, operation: WriteEntity): void {
  const entity = makeEntity(operation);
  const taken = writer.store.entities.get(entity.id)?.row;
  if (taken !== undefined) throw idTaken('entity/id-taken', entity.id, taken.type);
  writer.putEntity(entity);
}

function upsertEntity(writer: GraphWriter, operation: WriteEntity): void {
  const before = writer.store.entities.get(operation.input.id)?.row;
  if (before !== undefined && before.type !== operation.entityType) {
    throw idTaken('entity/id-taken', before.id, before.type);
  }
  writer.putEntity(makeEntity(operation, before));
}

function updateEntity(writer: GraphWriter, operation: UpdateEntity): void {
  const before = requireVertex(writer.store, operation.id).row;
  assertSeq('entity/seq-mismatch', before, operation.ifSeq);
  writer.putEntity(patchEntity(before, operation.patch, operation.at));
}

function deleteEntity(writer: GraphWriter, operation: DeleteEntity): void {
  const vertex = requireVertex(writer.store, operation.id);
  const before = vertex.row;
  assertSeq('entity/seq-mismatch', before, operation.ifSeq);
  const edges = [...eachEdge(vertex.out), ...eachEdge(vertex.in)];
  const relationIds = new Set(edges.map(({ row }) => row.id));
  if (relationIds.size > 0 && !operation.cascade) throw hasRelations(before.id, relationIds);
  for (const relationId of relationIds) writer.removeRelation(relationId);
  writer.removeEntity(before.id);
}

function createRelation(writer: GraphWriter, operation: WriteRelation): void {
  const relation = makeRelation(operation);
  const taken = writer.store.relations.get(relation.id)?.row;
  if (taken !== undefined) throw idTaken('relation/id-taken', relation.id, taken.type);
  writer.addRelation(relation, endsOf(writer, relation));
}

function upsertRelation(writer: GraphWriter, operation: WriteRelation): void {
  const before = writer.store.relations.get(operation.input.id)?.row;
  const relation = makeRelation(operation, before);
  const sameTie =
    before === undefined ||
    (before.type === relation.type && before.from === relation.from && before.to === relation.to);
  if (!sameTie) throw idTaken('relation/id-taken', before.id, before.type);
  if (before === undefined) writer.addRelation(relation, endsOf(writer, relation));
  else writer.putRelation(relation);
}

function updateRelation(writer: GraphWriter, operation: UpdateRelation): void {
  const before = requireRelation(writer, operation.id);
  assertSeq('relation/seq-mismatch', before, operation.ifSeq);
  writer.putRelation(patchRelation(before, operation.patch, operation.at));
}

function deleteRelation(writer: GraphWriter, operation: DeleteRelation): void {
  const before = requireRelation(writer, operation.id);
  assertSeq('relation/seq-mismatch', before, operation.ifSeq);
  writer.removeRelation(before.id);
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
  const names = missing.map((end) => `'${end}'`).join(' and ');
  throw new NervError(
    'relation/endpoint-missing',
    `Relation '${id}' needs the entities at its ends, but there is no ${names}. Create what is missing first.`,
    { details: { relationId: id, missing } },
  );
}

function assertSeq(
  code: 'entity/seq-mismatch' | 'relation/seq-mismatch',
  row: Entity,
  ifSeq: number | undefined,
): void {
  if (ifSeq === undefined || row.seq === ifSeq) return;
  throw new NervError(
    code,
    `'${row.id}' is at seq ${row.seq ?? 'none'}, not ${ifSeq}: it was written since. Read it again and decide anew.`,
    { details: { id: row.id, seq: row.seq, ifSeq } },
  );
}

function idTaken(code: 'entity/id-taken' | 'relation/id-taken', id: string, type: string): NervError {
  const about = code === 'entity/id-taken' ? 'An entity' : 'A relation';
  return new NervError(code, `${about} '${id}' of type '${type}' exists already. Update it, or choose another id.`, {
    details: { id, type },
  });
}

function hasRelations(id: string, relationIds: ReadonlySet<string>): NervError {
  return new NervError(
    'entity/has-relations',
    `Entity '${id}' has ${relationIds.size} relations. Delete them first, or delete it with { cascade: true }.`,
    { details: { entityId: id, relations: relationIds.size, some: [...relationIds].slice(0, 10) } },
  );
}
