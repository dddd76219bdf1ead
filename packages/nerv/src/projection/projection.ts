/** Projections that can be rebuilt, follow a source, travel in time and keep checkpoints and tags. */
import type { NervError } from '../errors.ts';
import type { EventMap, NervEvent } from '../events/event.ts';
import { CheckpointShelf, type CheckpointOptions, type ProjectionSnapshot } from './checkpoints.ts';
import { CoreProjection, type CoreProjectionDefinition } from './core-projection.ts';
import { EventLine, type ResumeOptions } from './event-line.ts';
import { foldEvents, type EventSequence, type FoldOptions } from './fold-events.ts';
import { Fold } from './fold.ts';
import { START, type ProjectionPosition } from './position.ts';
import { projectionError } from './projection-error.ts';
import type { ProjectionFeed, ProjectionSource } from './projection-source.ts';
import { rebuildAll, type Rebuilding } from './rebuild.ts';
import { attempt } from '../events/observers.ts';
import { endAtPosition, endAtSeq, endAtTime, type FoldEnd, type Until } from './until.ts';

/** How many tags a projection may have. */
const MAX_TAGS = 1000;

/** What a projection is. Reducers are pure, and give a new state or the same; each is named by its pattern. */
export interface ProjectionDefinition<State, M extends object, P extends string> extends CoreProjectionDefinition<
  State,
  M,
  P
> {
  readonly checkpoints?: CheckpointOptions<State> | undefined;
  /** Called with what subscribers and `checkpoints.save` throw; default the console. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A state made of events, one at a time. */
export class Projection<State, M extends object = EventMap, P extends string = string> extends CoreProjection<
  State,
  M,
  P
> {
  readonly #line: EventLine;
  readonly #initial: State;
  readonly #checkpoints: CheckpointOptions<State>;
  #shelf: CheckpointShelf<State>;
  readonly #tags = new Map<string, ProjectionSnapshot<State>>();

  /** @throws NervError `event/invalid-pattern`; `projection/invalid` unless `every` and `keep` are whole, from 1 and 0 */
  constructor(definition: ProjectionDefinition<State, M, P>) {
    super(definition);
    this.#line = new EventLine(this.name, {
      step: (event) => this.step(event),
      done: () => this.#moved(),
    });
    this.#initial = definition.initial;
    this.#checkpoints = definition.checkpoints ?? {};
    this.#shelf = this.#makeShelf();
  }

  static override of<M extends object>(): <State, P extends string>(
    definition: ProjectionDefinition<State, M, P>,
  ) => Projection<State, M, P> {
    return (definition) => new Projection(definition);
  }

  override get position(): ProjectionPosition {
    return this.#line.place.position;
  }

  override get failure(): NervError | undefined {
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
  override apply(event: NervEvent): boolean {
    return this.#line.take(event);
  }

  /** Tries the event that failed again, or leaves it out if told so by its id; then takes what waited. @throws as `apply` */
  resume(options?: ResumeOptions): void {
    this.#line.resume(options);
  }

  /**
   * Takes a source's events after the position, the past first. What failed and what waited is asked for again.
   * `caughtUp` rejects with the failure. @throws NervError `projection/invalid` if it follows a source already
   */
  follow(source: ProjectionSource): ProjectionFeed {
    return this.#line.follow(source);
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
    if (this.#line.isHeld) throw this.invalid('is being rebuilt already; wait until that is done');
    this.#line.hold();
    const fold = this.#fold(this.#start());
    const shelf = this.#makeShelf();
    return {
      take: (event) => {
        if (!fold.take(event)) return;
        this.#line.pass(event);
        if (shelf.isDue(fold.place)) shelf.add(this.snapshotOf(fold.state, fold.place.position));
      },
      finish: () => {
        const { isBroken } = this.#line;
        if (!isBroken) {
          this.#line.restart(fold.place.position, () => this.tell(fold.state));
          this.#shelf = shelf;
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
        if ('seq' in until && event.seq === undefined) throw this.invalid('has events without a seq to stop at');
        if (end.isBefore(event)) return false;
        fold.take(event);
        return !end.isReached(fold.place.position);
      });
    }
    if ('tag' in until && !end.isReached(fold.place.position)) {
      throw projectionError('projection/gap', this.name, `cannot go back to '${until.tag}': its source ends before`);
    }
    return this.snapshotOf(fold.state, fold.place.position);
  }

  /**
   * Names the present state and position. A tag stays what it is when the projection is rebuilt.
   * @throws NervError `projection/invalid` if there is such a tag; `projection/limit` beyond 1,000
   */
  tag(name: string): void {
    if (this.#tags.has(name)) throw this.invalid(`has a tag '${name}' already`);
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

  protected override moveTo(position: ProjectionPosition, state: State): void {
    if (this.#line.isHeld) throw this.invalid('is being rebuilt; wait until that is done');
    this.#shelf = this.#makeShelf();
    this.#line.restart(position, () => this.tell(state));
  }

  // An event was taken: state and place have moved.
  #moved(): void {
    if (this.#shelf.isDue(this.#line.place)) this.#checkpoint();
    this.tell();
  }

  #start(): ProjectionSnapshot<State> {
    return this.snapshotOf(this.#initial, START);
  }

  #fold(from: ProjectionSnapshot<State>): Fold<State> {
    return new Fold(this.name, from, (state, event: NervEvent) => this.reduce(state, event));
  }

  #checkpoint(): void {
    const snapshot = this.snapshot();
    this.#shelf.add(snapshot);
    attempt(() => this.#checkpoints.save?.(snapshot), this.report);
  }

  /** @throws NervError `projection/invalid` unless the numbers are whole, from 1 and 0 */
  #makeShelf(): CheckpointShelf<State> {
    const { every = 1000, keep = 16 } = this.#checkpoints;
    if (!(Number.isSafeInteger(every) && every > 0 && Number.isSafeInteger(keep) && keep >= 0)) {
      throw this.invalid(`cannot make a checkpoint every ${every} events and keep ${keep}`);
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
    if (tagged === undefined) throw this.invalid(`has no tag '${until.tag}'`);
    return endAtPosition(tagged.position);
  }
}
