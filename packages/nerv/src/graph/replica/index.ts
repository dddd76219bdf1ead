export { BatchBuilder } from '../batch-builder.ts';
export type {
  DeleteEntity,
  DeleteRelation,
  GraphOperation,
  UpdateEntity,
  UpdateRelation,
  WriteEntity,
  WriteRelation,
} from '../graph-operation.ts';
export { OperationFactory } from '../operation-factory.ts';
export { GraphReplica } from './graph-replica.ts';
export type { ConfirmedRow, GraphNotice, GraphReplicaOptions } from './graph-replica.ts';
export { isValidAt } from '../validity.ts';
export { makeWalk } from '../walk.ts';
export type { Walk } from '../walk.ts';
export { compileQuery } from '../compiled-query.ts';
export type { CompiledQuery } from '../compiled-query.ts';
export { GraphReader } from '../graph-reader.ts';
export type { GraphRows } from '../graph-store.ts';
export { idOf, targetOf } from '../graph-writes.ts';
export type { Edge, Edges, EntityVertex, RowSource } from '../vertex.ts';
export { isAfterCursor, makeCursor } from '../cursor.ts';
