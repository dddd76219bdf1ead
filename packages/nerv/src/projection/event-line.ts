/**
 * Events on their way into one projection.
 *
 * Invariants:
 * - Events are handed to the step one at a time, in the order they came, each once (by `seq`, where it has one).
 * - While a step is unsettled, while the line is held, and after a step failed, events wait: at most `MAX_WAITING`.
 *   One more is refused; from then on there is a gap, and the line takes nothing until it is begun anew.
 * - A step that fails stops the line before its event: the place does not move, and nothing behind it is handed over.
 */
import { NervError } from '../errors.ts';
import type { NervEvent } from '../events/event.ts';
import { Fifo } from '../events/fifo.ts';
import { isPromiseLike } from '../events/promise-like.ts';
import { Place, type ProjectionPosition } from './position.ts';
import { failedAt, MAX_WAITING_EVENTS, projectionError } from './projection-error.ts';
import type { ProjectionFeed, ProjectionSource } from './projection-source.ts';

/** How to go on after a failure. */
export interface ResumeOptions {
  /** The id of the event that failed, to leave it out for good. Default: it is tried again. */
  readonly skip?: string | undefined;
}

interface Failure {
  readonly error: NervError;
  /** The event that failed; undefined if events were lost. */
  readonly event: NervEvent | undefined;
}

/** What is done with each event. */
export interface LineSteps {
  /** Takes the event in, or throws; gives a promise where that is not done yet. */
  readonly step: (event: NervEvent) => unknown;
  /** Called when the place has moved behind an event, before the next is taken. May not throw. */
  readonly done?: (() => void) | undefined;
}

/** What is known while a line is held. */
interface Held {
  /** The ids of those waiting that have no `seq` to know them by, but for those that were passed. */
  readonly ids: Set<string>;
  /** Whether events were refused meanwhile. */
  isBroken: boolean;
}

/** One line of events, on its way from a place. */
export class EventLine {
  readonly #name: string;
  readonly #steps: LineSteps;
  readonly #waiting = new Fifo<NervEvent>();
  #place: Place;
  #failure: Failure | undefined;
  #isBusy = false;
  #held: Held | undefined;
  #feed: ProjectionFeed | undefined;
  #whenIdle: (() => void)[] = [];

  constructor(name: string, steps: LineSteps, position?: ProjectionPosition) {
    this.#name = name;
    this.#steps = steps;
    this.#place = new Place(position);
  }

  get place(): Place {
    return this.#place;
  }

  get failure(): NervError | undefined {
    return this.#failure?.error;
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Whether events were refused while the line is held, so that what waits has a gap before it. */
  get isBroken(): boolean {
    return this.#held?.isBroken === true;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Takes one event; false if it was taken before.
   * @throws NervError `projection/failed` if a step fails, now; `projection/limit` if too many events wait
   */
  take(event: NervEvent): boolean {
    if (this.#place.isPast(event)) return false;
    if (this.#isBusy || this.#held !== undefined || this.#failure !== undefined) {
      this.#wait(event);
      return true;
    }
    this.#run(event);
    if (this.#waiting.size > 0) this.#drain();
    this.#throwFailure();
    return true;
  }

  /** Makes events wait, until `release`. */
  hold(): void {
    const waiting = this.#waiting.drain();
    this.#held = { ids: new Set(), isBroken: false };
    for (const event of waiting) this.#push(event);
  }

  /** Notes that an event was taken by another way while the line is held. */
  pass(event: NervEvent): void {
    if (event.seq === undefined) this.#held?.ids.delete(event.id);
  }

  /** Goes on from another place, without a failure; `moved` is called before what waited is taken. */
  restart(position: ProjectionPosition, moved: () => void): void {
    this.#place = new Place(position);
    this.#failure = undefined;
    const wasBusy = this.#isBusy;
    this.#isBusy = true;
    moved();
    this.#isBusy = wasBusy;
    this.#drain();
  }

  /** Hands over what waited, but for what was passed if so told. What fails is found in `failure`. */
  release(options: { readonly dropPassed: boolean }): void {
    const held = this.#held;
    this.#held = undefined;
    const waiting = this.#waiting.drain();
    if (held?.isBroken === true) this.#failure = { error: this.#lost(), event: undefined };
    if (this.#hasGap()) return;
    for (const event of waiting) {
      const isPassed = options.dropPassed && event.seq === undefined && held?.ids.has(event.id) === false;
      if (!isPassed) this.#waiting.push(event);
    }
    this.#drain();
  }

  /**
   * Hands the event that failed over again, or leaves it out, and then what waited.
   * @throws as `take`, and `projection/invalid` while the line is held, or if `skip` is another event's id
   */
  resume({ skip }: ResumeOptions = {}): void {
    const failure = this.#failure;
    if (failure === undefined) return;
    this.#assertFree();
    const { event } = failure;
    if (event === undefined) throw failure.error;
    if (skip !== undefined && skip !== event.id) {
      throw projectionError('projection/invalid', this.#name, `stopped at event ${event.id}, not at ${skip}`);
    }
    this.#failure = undefined;
    if (skip === undefined) this.#run(event);
    else this.#advance(event);
    this.#drain();
    this.#throwFailure();
  }

  /** Resolves when no step is unsettled and nothing waits; rejects with the failure. */
  async settled(): Promise<void> {
    while (this.#isBusy) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    this.#throwFailure();
  }

  /**
   * Follows a source from the place on. A failure is forgotten and its event asked for again, with what waited.
   * @throws NervError `projection/invalid` if it follows a source already, is held, or has a step unsettled
   */
  follow(source: ProjectionSource): ProjectionFeed {
    if (this.#feed?.active === true) {
      throw projectionError('projection/invalid', this.#name, 'follows a source already; unsubscribe from that first');
    }
    this.#assertFree();
    this.#waiting.drain();
    this.#failure = undefined;
    const feed = source.follow(this.#place.position, (event) => this.take(event));
    const caughtUp = feed.caughtUp.then(
      async (count) => {
        await this.settled();
        return count;
      },
      (cause: unknown) => {
        this.#failure ??= { error: sourceFailed(this.#name, cause), event: undefined };
        throw cause;
      },
    );
    // Whoever does not ask for it hears of the failure from the source, or from `failure`.
    caughtUp.catch(() => undefined);
    this.#feed = feed;
    return {
      caughtUp,
      get active() {
        return feed.active;
      },
      unsubscribe: () => feed.unsubscribe(),
      [Symbol.dispose]: () => feed.unsubscribe(),
    };
  }

  #assertFree(): void {
    if (this.#held === undefined && !this.#isBusy) return;
    throw projectionError('projection/invalid', this.#name, 'is at work; wait until it has rebuilt or written');
  }

  #wait(event: NervEvent): void {
    const isFull = this.#waiting.size >= MAX_WAITING_EVENTS;
    if (isFull) {
      this.#waiting.drain();
      if (this.#held === undefined) this.#failure = { error: this.#lost(), event: undefined };
      else this.#held.isBroken = true;
    }
    if (this.#held?.isBroken === true) throw this.#lost();
    if (this.#held === undefined && this.#hasGap()) this.#throwFailure();
    this.#push(event);
  }

  #push(event: NervEvent): void {
    this.#waiting.push(event);
    if (event.seq === undefined) this.#held?.ids.add(event.id);
  }

  #hasGap(): boolean {
    return this.#failure !== undefined && this.#failure.event === undefined;
  }

  #lost(): NervError {
    const what = `had ${MAX_WAITING_EVENTS} events waiting and lost them; rebuild it, or follow its source again`;
    return projectionError('projection/limit', this.#name, what);
  }

  #run(event: NervEvent): void {
    this.#isBusy = true;
    try {
      const result = this.#steps.step(event);
      if (isPromiseLike(result)) {
        result.then(
          () => this.#finish(event),
          (cause: unknown) => this.#finish(event, { cause }),
        );
        return;
      }
      this.#advance(event);
    } catch (cause) {
      this.#fail(event, cause);
    }
    this.#isBusy = false;
  }

  #advance(event: NervEvent): void {
    this.#place.advance(event);
    this.#steps.done?.();
  }

  #drain(): void {
    while (!this.#isBusy && this.#held === undefined && this.#failure === undefined) {
      const event = this.#waiting.shift();
      if (event === undefined) return;
      if (!this.#place.isPast(event)) this.#run(event);
    }
  }

  // An asynchronous step is over.
  #finish(event: NervEvent, failed?: { readonly cause: unknown }): void {
    this.#isBusy = false;
    if (failed === undefined) this.#advance(event);
    else this.#fail(event, failed.cause);
    this.#drain();
    if (this.#isBusy) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #fail(event: NervEvent, cause: unknown): void {
    this.#failure = { error: failedAt(this.#name, event, cause), event };
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function sourceFailed(name: string, cause: unknown): NervError {
  if (cause instanceof NervError) return cause;
  return projectionError('projection/gap', name, 'could not read all of its source; follow it again', cause);
}
