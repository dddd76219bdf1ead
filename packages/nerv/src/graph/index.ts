export { EntityGraph } from './entity-graph.ts';
export type {
  ChangeHandler,
  ChangeSelector,
  GraphBatch,
  GraphSubscription,
  InputArguments,
  LiveQuery,
  QueryDelta,
} from './entity-graph.ts';
export type { EntityGraphOptions, LocalEntityGraph } from './local-entity-graph.ts';
export type {
  DeleteEntityOptions,
  Entity,
  EntityInput,
  EntityOf,
  EntityPatch,
  EntityProperties,
  EntityTypeOf,
  GraphSchema,
  Properties,
  Reference,
  Relation,
  RelationInput,
  RelationOf,
  RelationPatch,
  RelationProperties,
  RelationTypeOf,
  WriteOptions,
} from './entity.ts';
export type { EntityChange, GraphChange, GraphOrigin, RelationChange } from './graph-change.ts';
export type {
  DeleteEntity,
  DeleteRelation,
  GraphOperation,
  UpdateEntity,
  UpdateRelation,
  WriteEntity,
  WriteRelation,
} from './graph-operation.ts';
export type {
  Condition,
  Direction,
  EntityQuery,
  NeighborOptions,
  Order,
  Page,
  Path,
  PathOptions,
  PropertyConditions,
  RelationField,
  RelationQuery,
  RowField,
  TraverseOptions,
  ValueCondition,
  Visit,
  WalkOptions,
  Where,
} from './graph-query.ts';
export type { IndexedProperties } from './graph-store.ts';
export { GraphReplica } from './graph-replica.ts';
export type { ConfirmedRow, GraphNotice, GraphReplicaOptions } from './graph-replica.ts';
export { OperationFactory } from './operation-factory.ts';
export { BatchBuilder } from './batch-builder.ts';
