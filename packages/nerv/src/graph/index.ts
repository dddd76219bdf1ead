export { CoreEntityGraph } from './core-entity-graph.ts';
export type { CoreEntityGraphOptions } from './core-entity-graph.ts';
export type { CoreEntityQuery, CoreRelationQuery } from './find-rows.ts';
export { EntityGraph } from './entity-graph.ts';
export type {
  ChangeHandler,
  ChangeSelector,
  GraphBatch,
  GraphReads,
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
export type { HistoryKeeper } from './local-entity-graph.ts';
export type { GraphPast, RowVersion } from './graph-past.ts';
export type { GraphReader } from './graph-reader.ts';
export type { IndexedProperties } from './indexed-row-table.ts';
