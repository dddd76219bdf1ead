import type { NervError } from '../errors.ts';
import type { EventSubscription } from '../events/event-bus.ts';
import type { EventMap, NervEvent } from '../events/event.ts';
import type { EntityGraph, GraphBatch } from '../graph/entity-graph.ts';
import type { GraphSchema } from '../graph/entity.ts';
import type { CommitOptions, Drafted, TemporalStore } from '../temporal/temporal-store.ts';
import { EventLine, type ResumeOptions } from './event-line.ts';
import type { ProjectionPosition } from './position.ts';
import type { ProjectionFeed, ProjectionSource } from './projection-source.ts';
import { ReducerTable, type ReducersByPattern } from './reducers.ts';

/** What a feed does with events: all whose pattern matches an event write for it, in this order, in one write. */
export interface FeedDefinition<Target, M extends object, P extends string> {
  readonly name: string;
  readonly on: ReducersByPattern<Target, M, P, unknown>;
  /** Where the target stands already; default at the start. It is the caller's to keep, with the target. */
  readonly position?: ProjectionPosition | undefined;
}

/** As `FeedDefinition`, for a store. */
export interface StoreFeedDefinition<S, M extends object, P extends string> extends FeedDefinition<Drafted<S>, M, P> {
  /** How a version is recorded. Default: described by feed and event type, authored by the event's source at its time. */
  readonly commit?: ((event: NervEvent) => CommitOptions) | undefined;
}

/** What a feed needs of a bus, whatever its events. */
export interface AttachableBus {
  subscribe(pattern: '**', handler: (event: NervEvent) => unknown): EventSubscription;
}

/**
 * Feeds a store with events: each that a reducer matches is one version. Reducers change the draft.
 * @throws NervError `event/invalid-pattern`
 */
export function feedStore<S, M extends object = EventMap, P extends string = string>(
  store: TemporalStore<S>,
  definition: StoreFeedDefinition<S, M, P>,
): EventFeed {
  const describe = definition.commit ?? ((event) => describeCommit(definition.name, event));
  return new EventFeed(
    definition,
    writeWith(definition, (event, change) => store.commit(change, describe(event))),
  );
}

/**
 * Feeds a graph with events: each that a reducer matches is one batch, whole or not at all.
 * @throws NervError `event/invalid-pattern`
 */
export function feedGraph<S extends GraphSchema, M extends object = EventMap, P extends string = string>(
  graph: EntityGraph<S>,
  definition: FeedDefinition<GraphBatch<S>, M, P>,
): EventFeed {
  return new EventFeed(
    definition,
    writeWith(definition, (_, change) => graph.batch(change)),
  );
}

/**
 * Events on their way into a store or graph, one write after the other, in order. At an event whose write is refused it
 * stops, as a projection does.
 */
export class EventFeed {
  readonly name: string;
  readonly #line: EventLine;

  /** For `feedStore` and `feedGraph`. */
  constructor(
    { name, position }: Pick<FeedDefinition<never, never, never>, 'name' | 'position'>,
    write: (event: NervEvent) => unknown,
  ) {
    this.name = name;
    this.#line = new EventLine(name, { step: write }, position);
  }

  /** Behind the last event whose write is done. */
  get position(): ProjectionPosition {
    return this.#line.place.position;
  }

  /** Why it stopped; undefined while it goes on. */
  get failure(): NervError | undefined {
    return this.#line.failure;
  }

  /** How many events wait: for a write under way, or behind the one that failed. */
  get waiting(): number {
    return this.#line.waiting;
  }

  /**
   * Takes an event; false if it was taken before (by `seq`). While a write is under way, and after a failure, it waits.
   * @throws NervError `projection/failed` if the write is refused at once; `projection/limit` if too many events wait
   */
  apply(event: NervEvent): boolean {
    return this.#line.take(event);
  }

  /** Takes the application events of a bus from now on. */
  attach(bus: AttachableBus): EventSubscription {
    return bus.subscribe('**', (event) => this.apply(event));
  }

  /** Takes a source's events after the position, the past first. @throws NervError `projection/invalid` if it does */
  follow(source: ProjectionSource): ProjectionFeed {
    return this.#line.follow(source);
  }

  /** Tries the event that failed again, or leaves it out if told so by its id; then takes what waited. @throws as `apply` */
  resume(options: ResumeOptions = {}): void {
    this.#line.resume(options);
  }

  /** Resolves when all that was taken is written. Rejects with the failure. */
  settled(): Promise<void> {
    return this.#line.settled();
  }
}

/** Writes what the reducers of an event say; an event that none of them matches writes nothing. */
function writeWith<Target, M extends object, P extends string>(
  { on }: FeedDefinition<Target, M, P>,
  write: (event: NervEvent, change: (target: Target) => void) => unknown,
): (event: NervEvent) => unknown {
  const table = new ReducerTable<Target, unknown>(on);
  return (event) => {
    const reducers = table.of(event.type);
    if (reducers.length === 0) return undefined;
    return write(event, (target) => {
      for (const reduce of reducers) reduce(target, event);
    });
  };
}

function describeCommit(feed: string, { type, source, timestamp }: NervEvent): CommitOptions {
  return {
    description: `${feed}: ${type}`,
    author: source,
    authoredAtMicros: BigInt(Math.trunc(timestamp * 1000)),
  };
}
