/**
 * Events folded into a state.
 *
 * Invariants:
 * - The state is what the reducers make of the initial state and the events taken, in order, each once.
 * - State and position move together; subscribers are told of each new state once, in order, after both have moved.
 * - At an event whose reducer throws, the projection stops: state and position stay before it, what comes behind it
 *   waits (event-line.ts), and nothing is left out unless somebody says so by the event's id.
 */
import type { NervError } from '../errors.ts';
import type { EventBus, EventSubscription } from '../events/event-bus.ts';
import type { EventMap, NervEvent } from '../events/event.ts';
import { systemReport } from '../ids/system.ts';
import { CheckpointShelf, type CheckpointOptions, type ProjectionSnapshot } from './checkpoints.ts';
import { EventLine, projectionError, type ResumeOptions } from './event-line.ts';
import { foldEvents, type EventSequence, type FoldOptions } from './fold-events.ts';
import { Fold } from './fold.ts';
import { START, type ProjectionPosition } from './position.ts';
import type { ProjectionFeed, ProjectionSource } from './projection-source.ts';
import { rebuildAll, type Rebuilding } from './rebuild.ts';
import { ReducerTable, type ReducersByPattern } from './reducers.ts';
import { attempt, StateSubscribers, type StateSource, type StateSubscription } from './state-source.ts';
import { endAtPosition, endAtSeq, endAtTime, type FoldEnd, type Until } from './until.ts';

/** How many tags a projection may have. */
const MAX_TAGS = 1000;

/** What a projection is. Reducers are pure, and give a new state or the same; each is named by its pattern. */
export interface ProjectionDefinition<State, M extends object, P extends string> {
  readonly name: string;
  /** Raised when the reducers change: snapshots of another version are refused. Default 1. */
  readonly version?: number | undefined;
  readonly initial: State;
  /** All whose pattern matches an event take it, in this order. */
  readonly on: ReducersByPattern<State, M, P, State>;
  readonly checkpoints?: CheckpointOptions<State> | undefined;
  /** Called with what subscribers and `checkpoints.save` throw; default the console. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A state made of events, one at a time. */
export class Projection<State, M extends object = EventMap, P extends string = string> implements StateSource<State> {
  readonly name: string;
  readonly version: number;
  readonly #initial: State;
  readonly #checkpoints: CheckpointOptions<State>;
  readonly #reducers: ReducerTable<State, State>;
  readonly #line: EventLine;
  readonly #subscribers: StateSubscribers<State>;
  readonly #report: (error: unknown) => void;
  #shelf: CheckpointShelf<State>;
  readonly #tags = new Map<string, ProjectionSnapshot<State>>();
  #state: State;
  /** The state that subscribers know. */
  #told: State;

  /** @throws NervError `event/invalid-pattern`; `projection/invalid` unless `every` and `keep` are whole, from 1 and 0 */
  constructor(definition: ProjectionDefinition<State, M, P>) {
    this.name = definition.name;
    this.version = definition.version ?? 1;
    this.#initial = definition.initial;
    this.#checkpoints = definition.checkpoints ?? {};
    this.#reducers = new ReducerTable(definition.on);
    this.#report =
      definition.onError ?? ((error) => systemReport(`A subscriber of projection '${this.name}' failed:`, error));
    this.#subscribers = new StateSubscribers(this.#report);
    this.#shelf = this.#makeShelf();
    this.#state = definition.initial;
    this.#told = definition.initial;
    this.#line = new EventLine(this.name, {
      step: (event) => {
        this.#state = this.#reduce(this.#state, event);
      },
      done: () => this.#moved(),
    });
  }

  /** Makes projections of the events of a map: `Projection.of<Events>()({ … })` infers all but the map. */
  static of<M extends object>(): <State, P extends string>(
    definition: ProjectionDefinition<State, M, P>,
  ) => Projection<State, M, P> {
    return (definition) => new Projection(definition);
  }

  get state(): State {
    return this.#state;
  }

  get position(): ProjectionPosition {
    return this.#line.place.position;
  }

  /** Why the projection stopped; undefined while it goes on. */
  get failure(): NervError | undefined {
    return this.#line.failure;
  }

  /** How many events wait: for a rebuilding, or behind the one that failed. */
  get waiting(): number {
    return this.#line.waiting;
  }

  /**
   * Takes an event; false if it was taken before (by `seq`). During a rebuilding and after a failure it waits.
   * @throws NervError `projection/failed` if a reducer throws; `projection/limit` if more than 100,000 events wait
   */
  apply(event: NervEvent): boolean {
    return this.#line.take(event);
  }

  /** Takes the application events of a bus from now on. Errors go the way of the bus's handler errors. */
  attach(bus: EventBus<M>): EventSubscription {
    return bus.subscribe('**', (event: NervEvent) => this.apply(event));
  }

  /**
   * Takes a source's events after the position, the past first. What failed and what waited is asked for again.
   * `caughtUp` rejects with the failure. @throws NervError `projection/invalid` if it follows a source already
   */
  follow(source: ProjectionSource): ProjectionFeed {
    return this.#line.follow(source);
  }

  /** Tries the event that failed again, or leaves it out if told so by its id; then takes what waited. @throws as `apply` */
  resume(options: ResumeOptions = {}): void {
    this.#line.resume(options);
  }

  /**
   * Makes the state anew, of these events alone. Until it is done, the old state is seen and new events wait; then
   * those are taken that were not among the rebuilt ones.
   * @throws NervError `projection/failed`, `projection/limit`, `projection/invalid` if it is being rebuilt already, or
   * the signal's reason: then nothing has changed
   */
  async rebuild(events: EventSequence, options: FoldOptions = {}): Promise<void> {
    await rebuildAll([this], events, options);
  }

  /** Begins a rebuilding, to be finished or abandoned; for `rebuildAll`. @throws NervError `projection/invalid` */
  beginRebuild(): Rebuilding {
    if (this.#line.isHeld) throw this.#invalid('is being rebuilt already; wait until that is done');
    this.#line.hold();
    const fold = this.#fold(this.#start());
    const shelf = this.#makeShelf();
    return {
      take: (event) => {
        if (!fold.take(event)) return;
        this.#line.pass(event);
        if (shelf.isDue(fold.place)) shelf.add(this.#snapshotOf(fold));
      },
      finish: () => {
        const { isBroken } = this.#line;
        if (!isBroken) {
          this.#shelf = shelf;
          this.#moveTo(fold.place.position, fold.state);
        }
        this.#line.release({ dropPassed: !isBroken });
        if (this.failure !== undefined) throw this.failure;
      },
      abandon: () => this.#line.release({ dropPassed: false }),
    };
  }

  /**
   * What the projection was at a point of its past, by what the source has of it; nothing of its own changes. `restore`
   * puts the projection there.
   * @throws NervError `projection/failed`; `projection/gap` if the source does not hold what is asked for;
   * `projection/invalid` if there is no such tag
   */
  async at(source: ProjectionSource, until: Until, options: FoldOptions = {}): Promise<ProjectionSnapshot<State>> {
    const end = this.#endOf(until);
    const from = this.#lastBefore(end);
    const fold = this.#fold(from);
    if (!end.isReached(from.position)) {
      await foldEvents(source.read(from.position), options, (event) => {
        if ('seq' in until && event.seq === undefined) throw this.#invalid('has events without a seq to stop at');
        if (end.isBefore(event)) return false;
        fold.take(event);
        return !end.isReached(fold.place.position);
      });
    }
    if ('tag' in until && !end.isReached(fold.place.position)) {
      throw projectionError('projection/gap', this.name, `cannot go back to '${until.tag}': its source ends before`);
    }
    return this.#snapshotOf(fold);
  }

  /** The projection at rest. The state is shared, not copied. */
  snapshot(): ProjectionSnapshot<State> {
    return this.#snapshotOf({ state: this.#state, place: this.#line.place });
  }

  /**
   * Goes on from a snapshot; a failure is forgotten, and what waits is taken if it comes after.
   * @throws NervError `projection/invalid` if it is of another projection or version, or during a rebuilding
   */
  restore({ name, version, position, state }: ProjectionSnapshot<State>): void {
    if (name !== this.name || version !== this.version) {
      throw this.#invalid(`cannot go on from version ${version} of '${name}'; rebuild it`);
    }
    if (this.#line.isHeld) throw this.#invalid('is being rebuilt; wait until that is done');
    this.#shelf = this.#makeShelf();
    this.#line.hold();
    this.#moveTo(position, state);
    this.#line.release({ dropPassed: false });
  }

  /**
   * Names the present state and position. A tag stays what it is when the projection is rebuilt.
   * @throws NervError `projection/invalid` if there is such a tag; `projection/limit` beyond 1,000
   */
  tag(name: string): void {
    if (this.#tags.has(name)) throw this.#invalid(`has a tag '${name}' already`);
    if (this.#tags.size >= MAX_TAGS) {
      throw projectionError('projection/limit', this.name, `has ${MAX_TAGS} tags, which is the limit; delete some`);
    }
    this.#tags.set(name, this.snapshot());
  }

  /** What the projection was when it was tagged; undefined if there is no such tag. */
  tagged(name: string): ProjectionSnapshot<State> | undefined {
    return this.#tags.get(name);
  }

  /** Takes a tag away; false if there is none. */
  deleteTag(name: string): boolean {
    return this.#tags.delete(name);
  }

  /** The names of all tags, in the order they were set. */
  get tags(): readonly string[] {
    return [...this.#tags.keys()];
  }

  /** Calls the handler with each new state and the one before it. What it throws harms nobody else. */
  subscribe(handler: (state: State, previous: State) => unknown): StateSubscription {
    return this.#subscribers.add(handler);
  }

  #reduce(state: State, event: NervEvent): State {
    for (const reduce of this.#reducers.of(event.type)) state = reduce(state, event);
    return state;
  }

  #start(): ProjectionSnapshot<State> {
    return { name: this.name, version: this.version, position: START, state: this.#initial };
  }

  #fold(from: ProjectionSnapshot<State>): Fold<State> {
    return new Fold(this.name, from, (state, event) => this.#reduce(state, event));
  }

  #moveTo(position: ProjectionPosition, state: State): void {
    this.#line.restart(position);
    this.#state = state;
    this.#tell();
  }

  // An event was taken: state and place have moved.
  #moved(): void {
    if (this.#shelf.isDue(this.#line.place)) this.#checkpoint();
    this.#tell();
  }

  #tell(): void {
    const previous = this.#told;
    if (previous === this.#state) return;
    this.#told = this.#state;
    this.#subscribers.tell(this.#state, previous);
  }

  #checkpoint(): void {
    const snapshot = this.snapshot();
    this.#shelf.add(snapshot);
    attempt(() => this.#checkpoints.save?.(snapshot), this.#report);
  }

  /** @throws NervError `projection/invalid` unless the numbers are whole, from 1 and 0 */
  #makeShelf(): CheckpointShelf<State> {
    const { every = 1000, keep = 16 } = this.#checkpoints;
    if (!(Number.isSafeInteger(every) && every > 0 && Number.isSafeInteger(keep) && keep >= 0)) {
      throw this.#invalid(`cannot make a checkpoint every ${every} events and keep ${keep}`);
    }
    return new CheckpointShelf(every, keep);
  }

  #lastBefore(end: FoldEnd): ProjectionSnapshot<State> {
    const present = this.snapshot();
    if (end.covers(present.position)) return present;
    return this.#shelf.findLast((position) => end.covers(position)) ?? this.#start();
  }

  #endOf(until: Until): FoldEnd {
    if ('seq' in until) return endAtSeq(until.seq);
    if ('time' in until) return endAtTime(Number(until.time));
    const tagged = this.#tags.get(until.tag);
    if (tagged === undefined) throw this.#invalid(`has no tag '${until.tag}'`);
    return endAtPosition(tagged.position);
  }

  #snapshotOf({ state, place }: Pick<Fold<State>, 'state' | 'place'>): ProjectionSnapshot<State> {
    return { name: this.name, version: this.version, position: place.position, state };
  }

  #invalid(what: string): NervError {
    return projectionError('projection/invalid', this.name, what);
  }
}
