export { CoreProjection } from './core-projection.ts';
export type { CoreProjectionDefinition, EventsToTake } from './core-projection.ts';
export { Projection } from './projection.ts';
export type { ProjectionDefinition } from './projection.ts';
export type { CheckpointOptions, ProjectionSnapshot } from './checkpoints.ts';
export type { ResumeOptions } from './event-line.ts';
export type { EventSequence, FoldOptions, FoldProgress } from './fold-events.ts';
export { START } from './position.ts';
export type { ProjectionPosition } from './position.ts';
export type { ProjectionFeed, ProjectionSource } from './projection-source.ts';
export { rebuildAll } from './rebuild.ts';
export type { Rebuildable, Rebuilding } from './rebuild.ts';
export type { ReducersByPattern } from './reducers.ts';
export type { Until } from './until.ts';
export { busEvents } from './bus-events.ts';
export type { BusEventsOptions } from './bus-events.ts';
export { EventFeed, feedGraph, feedStore } from './feed.ts';
export type { AttachableBus, FeedDefinition, StoreFeedDefinition } from './feed.ts';
export { combineStates, makePerspective } from './perspective.ts';
export type {
  ParamArguments,
  PartPerspective,
  Perspective,
  PerspectiveOptions,
  PerspectiveView,
  WholePerspective,
} from './perspective.ts';
export type { StateSource, StateSubscription } from './state-source.ts';
