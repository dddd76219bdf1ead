/**
 * Events folded into a state.
 *
 * Invariants:
 * - The state is what the reducers make of the initial state and the events taken, in order, each once.
 * - State and position move together; subscribers are told of each new state once, in order, after both have moved.
 * - At an event whose reducer throws, the projection stops: state and position stay before it, what comes behind it
 *   waits (core-event-line.ts), and nothing is left out unless somebody says so by the event's id.
 */
import type { NervError } from '../errors.ts';
import type { EventSubscription } from '../events/event-bus.ts';
import type { EventMap, EventOf, NervEvent } from '../events/event.ts';
import { systemReport } from '../ids/system.ts';
import type { ProjectionSnapshot } from './checkpoints.ts';
import { CoreEventLine, projectionError, type LineSteps, type ResumeOptions } from './core-event-line.ts';
import type { ProjectionPosition } from './position.ts';
import { ReducerTable, type ReducersByPattern } from './reducers.ts';
import { StateSubscribers, type StateSource, type StateSubscription } from './state-source.ts';

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
 * `projection` has all of this, and sources to follow, rebuilding, checkpoints, tags and time travel; what is
 * `protected` is for it.
 */
export class CoreProjection<
  State,
  M extends object = EventMap,
  P extends string = string,
> implements StateSource<State> {
  readonly name: string;
  readonly version: number;
  protected readonly line: CoreEventLine;
  protected readonly report: (error: unknown) => void;
  readonly #reducers: ReducerTable<State, State>;
  readonly #subscribers: StateSubscribers<State>;
  #state: State;
  /** The state that subscribers know. */
  #told: State;

  /** The line is for `Projection`. @throws NervError `event/invalid-pattern` */
  constructor(
    { name, version = 1, initial, on, onError }: CoreProjectionDefinition<State, M, P>,
    makeLine: (name: string, steps: LineSteps) => CoreEventLine = (of, steps) => new CoreEventLine(of, steps),
  ) {
    this.name = name;
    this.version = version;
    this.report = onError ?? ((error) => systemReport(`A subscriber of projection '${name}' failed:`, error));
    this.#reducers = new ReducerTable(on);
    this.#subscribers = new StateSubscribers(this.report);
    this.#state = initial;
    this.#told = initial;
    this.line = makeLine(name, {
      step: (event) => {
        this.#state = this.reduce(this.#state, event);
      },
      done: () => this.moved(),
    });
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
    return this.line.place.position;
  }

  /** Why the projection stopped; undefined while it goes on. */
  get failure(): NervError | undefined {
    return this.line.failure;
  }

  /** How many events wait behind the one that failed, or for a rebuilding. */
  get waiting(): number {
    return this.line.waiting;
  }

  /**
   * Takes an event; false if it was taken before (by `seq`). After a failure, and during a rebuilding, it waits.
   * @throws NervError `projection/failed` if a reducer throws; `projection/limit` if more than 100,000 events wait
   */
  apply(event: NervEvent): boolean {
    return this.line.take(event);
  }

  /** Takes the application events of a bus from now on. Errors go the way of the bus's handler errors. */
  attach(bus: EventsToTake<M>): EventSubscription {
    return bus.subscribe('**', (event: NervEvent) => this.apply(event));
  }

  /** Tries the event that failed again, or leaves it out if told so by its id; then takes what waited. @throws as `apply` */
  resume(options?: ResumeOptions): void {
    this.line.resume(options);
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

  /** The state after an event. */
  protected reduce(state: State, event: NervEvent): State {
    let reduced = state;
    for (const reduce of this.#reducers.of(event.type)) reduced = reduce(reduced, event);
    return reduced;
  }

  /** An event was taken: state and place have moved. */
  protected moved(): void {
    this.tell();
  }

  /** Goes on from another place and state. */
  protected moveTo(position: ProjectionPosition, state: State): void {
    this.#state = state;
    this.line.restart(position, () => this.tell());
  }

  protected tell(): void {
    const previous = this.#told;
    if (previous === this.#state) return;
    this.#told = this.#state;
    this.#subscribers.tell(this.#state, previous);
  }

  protected snapshotOf(state: State, position: ProjectionPosition): ProjectionSnapshot<State> {
    return { name: this.name, version: this.version, position, state };
  }

  protected invalid(what: string): NervError {
    return projectionError('projection/invalid', this.name, what);
  }
}
