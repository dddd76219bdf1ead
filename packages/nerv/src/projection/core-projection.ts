/**
 * Events folded into a state.
 *
 * Invariants:
 * - The state is what the reducers make of the initial state and the events taken, in order, each once.
 * - State and position move together; subscribers are told of each new state once, in order, after both have moved.
 * - At an event whose reducer throws, the projection stops: state and position stay before it, and it takes no other.
 */
import type { NervError } from '../errors.ts';
import type { EventSubscription } from '../events/event-bus.ts';
import type { EventMap, EventOf, NervEvent } from '../events/event.ts';
import { Observers } from '../events/observers.ts';
import { systemReport } from '../ids/system.ts';
import type { ProjectionSnapshot } from './checkpoints.ts';
import { Place, type ProjectionPosition } from './position.ts';
import { failedAt, MAX_WAITING_EVENTS, projectionError } from './projection-error.ts';
import { ReducerTable, type ReducersByPattern } from './reducers.ts';
import type { StateSource, StateSubscription } from './state-source.ts';

/** What a projection is. Reducers are pure, and give a new state or the same; each is named by its pattern. */
export interface CoreProjectionDefinition<State, M extends object, P extends string> {
  readonly name: string;
  /** Raised when the reducers change: snapshots of another version are refused. Default 1. */
  readonly version?: number | undefined;
  readonly initial: State;
  /** All whose pattern matches an event take it, in this order. */
  readonly on: ReducersByPattern<State, M, P, State>;
  /** Called with what subscribers throw; default the console. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What a projection needs of a bus. */
export interface EventsToTake<M extends object> {
  subscribe(pattern: '**', handler: (event: EventOf<M, '**'>) => unknown): EventSubscription;
}

/**
 * The smallest projection: events in, a state, a position, subscribers and snapshots. `Projection` of the entry
 * `projection` has all of this, and goes on after a failure, follows sources, is rebuilt, travels in time and keeps
 * checkpoints and tags; what is `protected` is for it.
 */
export class CoreProjection<
  State,
  M extends object = EventMap,
  P extends string = string,
> implements StateSource<State> {
  readonly name: string;
  readonly version: number;
  protected readonly report: (error: unknown) => void;
  readonly #reducers: ReducerTable<State, State>;
  readonly #subscribers: Observers<readonly [state: State, previous: State]>;
  /** What subscribers bring, until the event that they were told of is done. */
  readonly #waiting: NervEvent[] = [];
  #isBusy = false;
  #place = new Place();
  #failure: NervError | undefined;
  #state: State;
  /** The state that subscribers know. */
  #told: State;

  /** @throws NervError `event/invalid-pattern` */
  constructor({ name, version = 1, initial, on, onError }: CoreProjectionDefinition<State, M, P>) {
    this.name = name;
    this.version = version;
    this.report = onError ?? ((error) => systemReport(`A subscriber of projection '${name}' failed:`, error));
    this.#reducers = new ReducerTable(on);
    this.#subscribers = new Observers(this.report);
    this.#state = initial;
    this.#told = initial;
  }

  /** Makes projections of the events of a map: `Projection.of<Events>()({ … })` infers all but the map. */
  static of<M extends object>(): <State, P extends string>(
    definition: CoreProjectionDefinition<State, M, P>,
  ) => CoreProjection<State, M, P> {
    return (definition) => new CoreProjection(definition);
  }

  get state(): State {
    return this.#state;
  }

  get position(): ProjectionPosition {
    return this.#place.position;
  }

  /** Why the projection stopped; undefined while it goes on. `restore` lets it go on from where it was. */
  get failure(): NervError | undefined {
    return this.#failure;
  }

  /**
   * Takes an event; false if it was taken before (by `seq`). One that a subscriber brings waits for its turn.
   * @throws NervError `projection/failed` if a reducer throws, or did; `projection/limit` if more than 100,000 events wait
   */
  apply(event: NervEvent): boolean {
    if (this.#place.isPast(event)) return false;
    this.#throwFailure();
    if (this.#waiting.push(event) > MAX_WAITING_EVENTS) throw this.invalid('has too many events waiting', 'limit');
    if (!this.#isBusy) this.#takeAll();
    this.#throwFailure();
    return true;
  }

  /** Takes the application events of a bus from now on. Errors go the way of the bus's handler errors. */
  attach(bus: EventsToTake<M>): EventSubscription {
    return bus.subscribe('**', (event: NervEvent) => this.apply(event));
  }

  /** The projection at rest. The state is shared, not copied. */
  snapshot(): ProjectionSnapshot<State> {
    return this.snapshotOf(this.#state, this.position);
  }

  /**
   * Goes on from a snapshot; a failure is forgotten, and what waits is taken if it comes after.
   * @throws NervError `projection/invalid` if it is of another projection or version, or during a rebuilding
   */
  restore({ name, version, position, state }: ProjectionSnapshot<State>): void {
    if (name !== this.name || version !== this.version) {
      throw this.invalid(`cannot go on from version ${version} of '${name}'; rebuild it`);
    }
    this.moveTo(position, state);
  }

  /** Calls the handler with each new state and the one before it. What it throws harms nobody else. */
  subscribe(handler: (state: State, previous: State) => unknown): StateSubscription {
    return this.#subscribers.add(handler);
  }

  /** Has the reducers take an event. */
  protected step(event: NervEvent): void {
    this.#state = this.reduce(this.#state, event);
  }

  /** The state after an event. */
  protected reduce(state: State, event: NervEvent): State {
    let reduced = state;
    for (const reduce of this.#reducers.of(event.type)) reduced = reduce(reduced, event);
    return reduced;
  }

  /** Goes on from another place and state. */
  protected moveTo(position: ProjectionPosition, state: State): void {
    this.#place = new Place(position);
    this.#failure = undefined;
    this.tell(state);
  }

  /** Tells of a state, by default of what the events have made of it. */
  protected tell(state: State = this.#state): void {
    const previous = this.#told;
    this.#state = state;
    this.#told = state;
    if (previous !== state) this.#subscribers.tell(state, previous);
  }

  protected snapshotOf(state: State, position: ProjectionPosition): ProjectionSnapshot<State> {
    return { name: this.name, version: this.version, position, state };
  }

  protected invalid(what: string, code: 'invalid' | 'limit' = 'invalid'): NervError {
    return projectionError(`projection/${code}`, this.name, what);
  }

  #takeAll(): void {
    this.#isBusy = true;
    // What comes meanwhile is behind.
    for (const event of this.#waiting) {
      if (this.#failure !== undefined || this.#place.isPast(event)) continue;
      try {
        this.step(event);
      } catch (cause) {
        this.#failure = failedAt(this.name, event, cause);
        continue;
      }
      this.#place.advance(event);
      this.tell();
    }
    this.#waiting.length = 0;
    this.#isBusy = false;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
