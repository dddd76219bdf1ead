/**
 * Events on their way into a projection that can be rebuilt, follow a source, or take events by asynchronous steps.
 *
 * Invariants, beside those of core-event-line.ts:
 * - While a step is unsettled and while the line is held, events wait.
 * - One event too many while the line is held breaks it: that is told when it is released.
 */
import { NervError } from '../errors.ts';
import type { NervEvent } from '../events/event.ts';
import { isPromiseLike } from '../events/promise-like.ts';
import { CoreEventLine, MAX_WAITING_EVENTS, projectionError, type ResumeOptions } from './core-event-line.ts';
import type { ProjectionFeed, ProjectionSource } from './projection-source.ts';

/** What is known while a line is held. */
interface Held {
  /** The ids of those waiting that have no `seq` to know them by, but for those that were passed. */
  readonly ids: Set<string>;
  /** Whether events were refused meanwhile. */
  isBroken: boolean;
}

/** One line of events, on its way from a place. */
export class EventLine extends CoreEventLine {
  #held: Held | undefined;
  #feed: ProjectionFeed | undefined;
  #whenIdle: (() => void)[] = [];

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Whether events were refused while the line is held, so that what waits has a gap before it. */
  get isBroken(): boolean {
    return this.#held?.isBroken === true;
  }

  /** Makes events wait, until `release`. */
  hold(): void {
    const waiting = this.queue.drain();
    this.#held = { ids: new Set(), isBroken: false };
    for (const event of waiting) this.#push(event);
  }

  /** Notes that an event was taken by another way while the line is held. */
  pass(event: NervEvent): void {
    if (event.seq === undefined) this.#held?.ids.delete(event.id);
  }

  /** Hands over what waited, but for what was passed if so told. What fails is found in `failure`. */
  release(options: { readonly dropPassed: boolean }): void {
    const held = this.#held;
    this.#held = undefined;
    const waiting = this.queue.drain();
    if (held?.isBroken === true) this.lose();
    if (this.hasGap) return;
    for (const event of waiting) {
      const isPassed = options.dropPassed && event.seq === undefined && held?.ids.has(event.id) === false;
      if (!isPassed) this.queue.push(event);
    }
    this.drain();
  }

  /** As the core's. @throws also `projection/invalid` while the line is held, or has a step unsettled */
  override resume(options?: ResumeOptions): void {
    if (this.stop === undefined) return;
    this.#assertFree();
    super.resume(options);
  }

  /** Resolves when no step is unsettled and nothing waits; rejects with the failure. */
  async settled(): Promise<void> {
    while (this.isBusy) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    this.throwFailure();
  }

  /**
   * Follows a source from the place on. A failure is forgotten and its event asked for again, with what waited.
   * @throws NervError `projection/invalid` if it follows a source already, is held, or has a step unsettled
   */
  follow(source: ProjectionSource): ProjectionFeed {
    if (this.#feed?.active === true) {
      throw projectionError('projection/invalid', this.name, 'follows a source already; unsubscribe from that first');
    }
    this.#assertFree();
    this.queue.drain();
    this.stop = undefined;
    const feed = source.follow(this.place.position, (event) => this.take(event));
    const caughtUp = feed.caughtUp.then(
      async (count) => {
        await this.settled();
        return count;
      },
      (cause: unknown) => {
        this.stop ??= { error: sourceFailed(this.name, cause), event: undefined };
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

  protected override get isBlocked(): boolean {
    return super.isBlocked || this.isHeld;
  }

  protected override wait(event: NervEvent): void {
    const held = this.#held;
    if (held === undefined) {
      super.wait(event);
      return;
    }
    if (this.queue.size >= MAX_WAITING_EVENTS) {
      this.queue.drain();
      held.isBroken = true;
    }
    if (held.isBroken) throw this.lost();
    this.#push(event);
  }

  protected override run(event: NervEvent): void {
    this.isBusy = true;
    try {
      const result = this.steps.step(event);
      if (isPromiseLike(result)) {
        result.then(
          () => this.#finish(event),
          (cause: unknown) => this.#finish(event, { cause }),
        );
        return;
      }
      this.advance(event);
    } catch (cause) {
      this.fail(event, cause);
    }
    this.isBusy = false;
  }

  #assertFree(): void {
    if (this.#held === undefined && !this.isBusy) return;
    throw projectionError('projection/invalid', this.name, 'is at work; wait until it has rebuilt or written');
  }

  #push(event: NervEvent): void {
    this.queue.push(event);
    if (event.seq === undefined) this.#held?.ids.add(event.id);
  }

  // An asynchronous step is over.
  #finish(event: NervEvent, failed?: { readonly cause: unknown }): void {
    this.isBusy = false;
    if (failed === undefined) this.advance(event);
    else this.fail(event, failed.cause);
    this.drain();
    if (this.isBusy) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}

function sourceFailed(name: string, cause: unknown): NervError {
  if (cause instanceof NervError) return cause;
  return projectionError('projection/gap', name, 'could not read all of its source; follow it again', cause);
}
