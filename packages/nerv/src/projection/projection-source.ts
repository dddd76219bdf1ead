import type { NervEvent } from '../events/event.ts';
import type { ProjectionPosition } from './position.ts';

/**
 * Where a projection's events come from: a past that is held, and what comes after it, in one order. A bus with a
 * history or a log is one (`busEvents`).
 */
export interface ProjectionSource {
  /**
   * The past events after a place (default the start), oldest first, up to those there are now.
   * @throws NervError `projection/gap` if the source does not hold all of them
   */
  read(after?: ProjectionPosition): Iterable<NervEvent> | AsyncIterable<NervEvent>;

  /**
   * Hands over what `read` gives, and then each event as it comes, in order, without gap. An event may come twice if
   * both have its `seq`. What `take` throws is the source's to report, and stops nothing.
   */
  follow(after: ProjectionPosition, take: (event: NervEvent) => unknown): ProjectionFeed;
}

/** A source that is being followed. To dispose of it is to end that; doing so twice is harmless. */
export interface ProjectionFeed {
  readonly active: boolean;
  /** Resolves with the number of past events, once they and all that came meanwhile were handed over. */
  readonly caughtUp: Promise<number>;
  unsubscribe(): void;
  [Symbol.dispose](): void;
}
