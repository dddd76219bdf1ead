export {
  UniverseProvider,
  useUniverse,
  useUniverseStatus,
  type OpenStore,
  type UniverseParts,
  type UniverseProviderProps,
  type UniverseStatus,
} from './universe-context.ts';
export { useEvent, useEvents, type EventsOptions } from './use-events.ts';
export type { EventsFrom, EventsResult } from './event-list.ts';
export {
  useStateSelection,
  useVersionedState,
  type CommitResult,
  type CommitState,
  type StateOptions,
  type StateSelection,
  type VersionedState,
  type VersionedStateOptions,
} from './use-versioned-state.ts';
export type { SharedStoreOptions } from './shared-stores.ts';
export { useStore, useStoreSelection } from './use-store.ts';
export type { StoreView } from './temporal-store-source.ts';
export {
  useEntity,
  useGraphQuery,
  useLiveQuery,
  useRelationQuery,
  type EntityResult,
  type ErrorOptions,
} from './use-query.ts';
export type { QueryResult } from './live-rows.ts';
export { makeTypedHooks, type UniverseHooks, type UniverseTypes } from './typed-hooks.ts';
