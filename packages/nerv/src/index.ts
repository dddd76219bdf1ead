// The order is the one that compresses best: what is alike stands close.

export { decode, parse } from './values/decode.ts';
export { encode, stringify } from './values/encode.ts';
export type { JsonValue, Value } from './values/json.ts';

export { CoreTemporalStore as TemporalStore } from './temporal/core-temporal-store.ts';
export type { CoreTemporalStoreOptions as TemporalStoreOptions } from './temporal/core-temporal-store.ts';
export type {
  BranchInfo,
  Change,
  CommitOptions,
  CoreAtOptions as AtOptions,
  CoreStateChange as StateChange,
  DeepReadonly,
  Drafted,
  LogFilter,
  StoreSubscription,
  VersionReference,
} from './temporal/temporal-store.ts';
export type { Tag, Version } from './temporal/version.ts';

export { CoreEntityGraph as EntityGraph } from './graph/core-entity-graph.ts';
export type { CoreEntityGraphOptions as EntityGraphOptions } from './graph/core-entity-graph.ts';
export type { CoreEntityQuery as EntityQuery, CoreRelationQuery as RelationQuery } from './graph/find-rows.ts';
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
export type {
  Direction,
  NeighborOptions,
  Page,
  Path,
  PathOptions,
  TraverseOptions,
  Visit,
  WalkOptions,
} from './graph/graph-query.ts';

export { CoreProjection as Projection } from './projection/core-projection.ts';
export type { CoreProjectionDefinition as ProjectionDefinition } from './projection/core-projection.ts';
export type { ProjectionSnapshot } from './projection/checkpoints.ts';
export type { ProjectionPosition } from './projection/position.ts';
export type { StateSource, StateSubscription } from './projection/state-source.ts';

export { CoreEventBus as EventBus } from './events/core-event-bus.ts';
export type { CoreEventBusOptions as EventBusOptions } from './events/core-event-bus.ts';
export type {
  CoreEventSelector as EventSelector,
  CoreSubscribeOptions as SubscribeOptions,
  DataArguments,
  DeliveryReport,
  Durability,
  EmitOptions,
  EventHandler,
  EventPublisher,
  EventStream,
  EventSubscription,
  OverflowPolicy,
  PublishOptions,
  StreamOptions,
  WaitOptions,
} from './events/event-bus.ts';
export type { EventPage, EventQuery } from './events/event-query.ts';
export type {
  EventKind,
  EventMap,
  EventMetadata,
  EventOf,
  EventTypeOf,
  HandlerErrorData,
  IncomingEvent,
  NervEvent,
} from './events/event.ts';

export { EntityNotFoundError, NervError, RelationNotFoundError, VersionConflictError } from './errors.ts';
export type { ErrorDetails, NervErrorCode, NervErrorOptions } from './errors.ts';
export type { Clock, IdSource, Random, Timers } from './ids/clock.ts';
export { UuidV7Source } from './ids/uuid-v7.ts';
export { systemClock, systemIds, systemRandom, systemTimers } from './ids/system.ts';
export { idFault, MAX_ID_BYTES } from './ids/id.ts';
