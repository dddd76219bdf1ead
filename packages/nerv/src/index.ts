export { EventBus } from './events/event-bus.ts';
export type {
  DataArguments,
  DeliveryReport,
  Durability,
  EmitOptions,
  EventHandler,
  EventPublisher,
  EventSelector,
  EventStream,
  EventSubscription,
  OverflowPolicy,
  PublishOptions,
  StreamOptions,
  SubscribeOptions,
  WaitOptions,
} from './events/event-bus.ts';
export type { EventBusOptions, LocalEventBus } from './events/local-event-bus.ts';
export { assertPublishable } from './events/incoming-event.ts';
export type { BusMiddleware, EventStage, HistoryKeeper, NextStage } from './events/bus-parts.ts';
export type { EventPage, EventQuery } from './events/event-query.ts';
export type {
  EventKind,
  EventMap,
  EventMetadata,
  EventOf,
  EventRejectedData,
  EventTypeOf,
  HandlerErrorData,
  IncomingEvent,
  NervEvent,
} from './events/event.ts';
export { compilePattern, isEventType, isPattern, matchesPattern } from './events/pattern.ts';
export type { EventPattern } from './events/pattern.ts';

export { TemporalStore } from './temporal/temporal-store.ts';
export type {
  AtOptions,
  BranchInfo,
  Change,
  CommitOptions,
  DeepReadonly,
  Drafted,
  LogFilter,
  MergeOptions,
  MergePlan,
  MergeResult,
  MergeStrategy,
  Resolution,
  StateChange,
  StoreSubscription,
  VerifyResult,
  VersionReference,
} from './temporal/temporal-store.ts';
export type { TemporalStoreOptions } from './temporal/local-temporal-store.ts';
export type { JsonPatch, PatchOperation } from './temporal/patch.ts';
export type { ListMerger } from './temporal/tree/merge.ts';
export type { SnapshotPolicy } from './temporal/version-trees.ts';
export type { HistoryExport, Tag, Version, VersionRecord } from './temporal/version.ts';

export { EntityGraph } from './graph/entity-graph.ts';
export type {
  ChangeHandler,
  ChangeSelector,
  GraphBatch,
  GraphReads,
  GraphSubscription,
  InputArguments,
  LiveQuery,
  QueryDelta,
} from './graph/entity-graph.ts';
export type { EntityGraphOptions, LocalEntityGraph } from './graph/local-entity-graph.ts';
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
} from './graph/entity.ts';
export type { EntityChange, GraphChange, GraphOrigin, RelationChange } from './graph/graph-change.ts';
export type { GraphPast, RowVersion } from './graph/graph-past.ts';
export type { GraphReader } from './graph/graph-reader.ts';
export type {
  Condition,
  Direction,
  EntityQuery,
  NeighborOptions,
  Order,
  Page,
  Path,
  PathOptions,
  RelationQuery,
  TraverseOptions,
  ValueCondition,
  Visit,
  WalkOptions,
  Where,
} from './graph/graph-query.ts';

export { Projection } from './projection/projection.ts';
export type { ProjectionDefinition } from './projection/projection.ts';
export type { CheckpointOptions, ProjectionSnapshot } from './projection/checkpoints.ts';
export type { ProjectionPosition } from './projection/position.ts';
export type { ProjectionFeed, ProjectionSource } from './projection/projection-source.ts';
export type { StateSource, StateSubscription } from './projection/state-source.ts';

export {
  EntityNotFoundError,
  MergeConflictError,
  NervError,
  RelationNotFoundError,
  VersionConflictError,
} from './errors.ts';
export type { ErrorDetails, MergeConflict, NervErrorCode, NervErrorOptions } from './errors.ts';
export type { Clock, IdSource, Random, Timers } from './ids/clock.ts';
export { tryUuidV7TimeMs, UuidV7Source } from './ids/uuid-v7.ts';
export { systemClock, systemIds, systemRandom, systemTimers, systemTurnClock } from './ids/system.ts';
export { idFault, MAX_ID_BYTES } from './ids/id.ts';
export type { JsonValue, Value } from './values/json.ts';
