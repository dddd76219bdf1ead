// Events folded into a state.
//
// - The state is what the reducers make of the initial state and the events applied, in order.
// - An event whose `seq` is not above the position is not applied again.
// - A reducer that throws leaves state and position as they were.

import { NervError } from '../errors.ts';
import type { EventBus, EventSubscription } from '../events/event-bus.ts';
import type { EventMap, EventOf, NervEvent } from '../events/event.ts';
import { Fifo } from '../events/fifo.ts';
import { compilePattern, type EventPattern } from '../events/pattern.ts';
import { systemReport } from '../ids/system.ts';

/** How far a projection has come: events applied in all, and the `seq` of the last that had one. */
export interface ProjectionPosition {
  readonly events: number;
  readonly seq: number | undefined;
}

/** A projection at rest, to go on from later. */
export interface ProjectionSnapshot<State> {
  readonly name: string;
  readonly version: number;
  readonly position: ProjectionPosition;
  readonly state: State;
}

/** What a projection is. Reducers are pure, and give a new state or the same; each is named by its pattern. */
export interface ProjectionDefinition<State, M extends object, P extends string> {
  readonly name: string;
  /** Raised when the reducers change: snapshots of another version are refused. Default 1. */
  readonly version?: number | undefined;
  readonly initial: State;
  readonly on: { readonly [K in P]: (state: State, event: EventOf<M, K>) => State };
}

/** How to rebuild. Progress is told every 1,000 events. */
export interface RebuildOptions {
  readonly onProgress?: ((events: number) => void) | undefined;
  /** The rebuilding stops before the first event this is false of. */
  readonly while?: ((event: NervEvent) => boolean) | undefined;
}

const PROGRESS_EVERY = 1000;
const MAX_WAITING = 100_000;

interface Reducer<State> {
  readonly pattern: EventPattern;
  readonly reduce: (state: State, event: NervEvent) => State;
}

interface Folded<State> {
  readonly state: State;
  readonly position: ProjectionPosition;
}

/** A state made of events, one at a time. */
export class Projection<State, M extends object = EventMap, P extends string = string> {
  readonly name: string;
  readonly version: number;
  readonly #reducers: readonly Reducer<State>[];
  readonly #initial: State;
  readonly #subscribers = new Set<(state: State) => unknown>();
  #folded: Folded<State>;
  #waiting: Fifo<NervEvent> | undefined;

  /** @throws NervError `event/invalid-pattern` */
  constructor(definition: ProjectionDefinition<State, M, P>) {
    this.name = definition.name;
    this.version = definition.version ?? 1;
    this.#initial = definition.initial;
    this.#reducers = Object.entries<unknown>(definition.on).map(([pattern, reduce]) => ({
      pattern: compilePattern(pattern),
      // A reducer is only given events that its pattern matches, which is what its type says.
      reduce: reduce as Reducer<State>['reduce'],
    }));
    this.#folded = { state: definition.initial, position: START };
  }

  get state(): State {
    return this.#folded.state;
  }

  get position(): ProjectionPosition {
    return this.#folded.position;
  }

  /**
   * Applies an event; true if it was not applied before. During a rebuilding it waits until that is done.
   * @throws NervError `projection/failed` if a reducer throws; `projection/invalid` if too many events wait
   */
  apply(event: NervEvent): boolean {
    if (this.#waiting !== undefined) return this.#wait(this.#waiting, event);
    const next = this.#fold(this.#folded, event);
    if (next === this.#folded) return false;
    this.#become(next);
    return true;
  }

  /** Applies the application events of a bus from now on. Errors go the way of the bus's handler errors. */
  attach(bus: EventBus<M>): EventSubscription {
    return bus.subscribe('**', (event: NervEvent) => this.apply(event));
  }

  /**
   * Makes the state anew, of these events alone. Until it is done, the old state is seen and new events wait; then
   * those not among the rebuilt ones (by `seq`) are applied.
   * @throws NervError `projection/failed`, `projection/invalid` if it is being rebuilt already; nothing has changed then
   */
  async rebuild(events: Iterable<NervEvent> | AsyncIterable<NervEvent>, options: RebuildOptions = {}): Promise<void> {
    if (this.#waiting !== undefined) throw this.#invalid('is being rebuilt already; wait until that is done');
    const waiting = new Fifo<NervEvent>();
    this.#waiting = waiting;
    try {
      const rebuilt = await this.#foldAll(events, options);
      this.#become(rebuilt);
    } finally {
      this.#waiting = undefined;
      this.#applyWaiting(waiting);
    }
  }

  /** The projection at rest. The state is shared, not copied. */
  snapshot(): ProjectionSnapshot<State> {
    return { name: this.name, version: this.version, ...this.#folded };
  }

  /** Goes on from a snapshot. @throws NervError `projection/invalid` if it is of another projection or version */
  restore(snapshot: ProjectionSnapshot<State>): void {
    if (snapshot.name !== this.name || snapshot.version !== this.version) {
      throw this.#invalid(`cannot go on from version ${snapshot.version} of '${snapshot.name}'; rebuild it`);
    }
    this.#become({ state: snapshot.state, position: snapshot.position });
  }

  /** Calls the handler with each new state; the function it gives ends that. A handler's error harms nobody else. */
  subscribe(handler: (state: State) => unknown): () => void {
    const subscriber = (state: State): unknown => handler(state);
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  #wait(waiting: Fifo<NervEvent>, event: NervEvent): boolean {
    if (waiting.size >= MAX_WAITING) throw this.#invalid(`has ${MAX_WAITING} events waiting for its rebuilding`);
    waiting.push(event);
    return true;
  }

  #fold(folded: Folded<State>, event: NervEvent): Folded<State> {
    const { position } = folded;
    if (event.seq !== undefined && position.seq !== undefined && event.seq <= position.seq) return folded;
    let { state } = folded;
    try {
      for (const { pattern, reduce } of this.#reducers) {
        if (pattern.matches(event.type)) state = reduce(state, event);
      }
    } catch (cause) {
      throw new NervError(
        'projection/failed',
        `Projection '${this.name}' cannot take event '${event.type}' (${event.id}): its reducer failed.`,
        { details: { projection: this.name, id: event.id, type: event.type, seq: event.seq }, cause },
      );
    }
    return { state, position: { events: position.events + 1, seq: event.seq ?? position.seq } };
  }

  async #foldAll(
    events: Iterable<NervEvent> | AsyncIterable<NervEvent>,
    options: RebuildOptions,
  ): Promise<Folded<State>> {
    let folded: Folded<State> = { state: this.#initial, position: START };
    for await (const event of events) {
      if (options.while?.(event) === false) break;
      folded = this.#fold(folded, event);
      if (folded.position.events % PROGRESS_EVERY === 0) options.onProgress?.(folded.position.events);
    }
    return folded;
  }

  // An event that fails does not keep those after it waiting; the first failure is thrown once all had their turn.
  #applyWaiting(waiting: Fifo<NervEvent>): void {
    const failures: unknown[] = [];
    for (const event of waiting.drain()) {
      try {
        this.apply(event);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  #become(next: Folded<State>): void {
    const before = this.#folded;
    this.#folded = next;
    if (before.state === next.state) return;
    for (const subscriber of this.#subscribers) {
      try {
        subscriber(next.state);
      } catch (error) {
        systemReport(`A subscriber of projection '${this.name}' failed:`, error);
      }
    }
  }

  #invalid(what: string): NervError {
    return new NervError('projection/invalid', `Projection '${this.name}' ${what}.`, {
      details: { projection: this.name, version: this.version },
    });
  }
}

const START: ProjectionPosition = Object.freeze({ events: 0, seq: undefined });
