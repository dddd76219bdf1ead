import type { EventMap, EventOf } from '@inner-universe/nerv/events';
import type {
  EntityOf,
  EntityProperties,
  EntityQuery,
  EntityTypeOf,
  GraphSchema,
  RelationOf,
  RelationProperties,
  RelationQuery,
  RelationTypeOf,
} from '@inner-universe/nerv/graph';
import type { DeepReadonly } from '@inner-universe/nerv/temporal';
import type { EventsResult } from './event-list.ts';
import type { QueryResult } from './live-rows.ts';
import { useEvent, useEvents, type EventsOptions } from './use-events.ts';
import { useEntity, useGraphQuery, useRelationQuery, type EntityResult, type ErrorOptions } from './use-query.ts';
import {
  useStateSelection,
  useVersionedState,
  type StateOptions,
  type StateSelection,
  type VersionedState,
  type VersionedStateOptions,
} from './use-versioned-state.ts';

/** What an application keeps in a universe: its event map, its states by the names of their stores, its graph. */
export interface UniverseTypes {
  readonly events?: object;
  readonly states?: object;
  readonly graph?: GraphSchema;
}

type EventsIn<T extends UniverseTypes> = T extends { readonly events: infer M extends object } ? M : EventMap;
type StatesIn<T extends UniverseTypes> = T extends { readonly states: infer M extends object }
  ? M
  : Record<string, unknown>;
type GraphIn<T extends UniverseTypes> = T extends { readonly graph: infer S extends GraphSchema } ? S : GraphSchema;

/** The hooks, for one application's types. */
export interface UniverseHooks<T extends UniverseTypes> {
  useEvent<P extends string>(
    pattern: P,
    handler: (event: EventOf<EventsIn<T>, P>) => unknown,
    options?: Pick<EventsOptions, 'bus'>,
  ): Error | undefined;
  useEvents<P extends string>(pattern: P, options?: EventsOptions): EventsResult<EventOf<EventsIn<T>, P>>;
  useVersionedState<N extends keyof StatesIn<T> & string>(
    name: N,
    initial?: StatesIn<T>[N],
    options?: VersionedStateOptions,
  ): VersionedState<StatesIn<T>[N]>;
  useStateSelection<N extends keyof StatesIn<T> & string, U>(
    name: N,
    selector: (state: DeepReadonly<StatesIn<T>[N]>) => U,
    options?: StateOptions & {
      readonly initial?: StatesIn<T>[N] | undefined;
      readonly equals?: ((left: U, right: U) => boolean) | undefined;
    },
  ): StateSelection<StatesIn<T>[N], U>;
  useEntity<E extends EntityTypeOf<GraphIn<T>> = EntityTypeOf<GraphIn<T>>>(
    id: string,
    options?: ErrorOptions & { readonly type?: E | undefined },
  ): EntityResult<EntityOf<GraphIn<T>, E>>;
  useGraphQuery<E extends EntityTypeOf<GraphIn<T>> = EntityTypeOf<GraphIn<T>>>(
    query?: EntityQuery<E, EntityProperties<GraphIn<T>, E>>,
    options?: ErrorOptions,
  ): QueryResult<EntityOf<GraphIn<T>, E>>;
  useRelationQuery<R extends RelationTypeOf<GraphIn<T>> = RelationTypeOf<GraphIn<T>>>(
    query?: RelationQuery<R, RelationProperties<GraphIn<T>, R>>,
    options?: ErrorOptions,
  ): QueryResult<RelationOf<GraphIn<T>, R>>;
}

const HOOKS = { useEvent, useEvents, useVersionedState, useStateSelection, useEntity, useGraphQuery, useRelationQuery };

/** The hooks with an application's types, named once: the very same functions. */
export function makeTypedHooks<T extends UniverseTypes>(): UniverseHooks<T> {
  // Types are what the caller says is in the universe, as with every hook's own type arguments.
  return HOOKS as unknown as UniverseHooks<T>;
}
