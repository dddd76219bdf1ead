import { NervError } from '../errors.ts';
import type { EventBus } from '../events/event-bus.ts';
import type { EventQuery } from '../events/event-query.ts';
import type { EventKind, EventMap, NervEvent } from '../events/event.ts';
import { subscribeWithReplay } from '../events/replayed-subscription.ts';
import { START, type ProjectionPosition } from './position.ts';
import type { ProjectionFeed, ProjectionSource } from './projection-source.ts';

/** Which events of a bus, and how many may wait while the past is handed over (default 1,024). */
export interface BusEventsOptions {
  /** Default `'application'`. */
  readonly kind?: EventKind | undefined;
  readonly source?: string | undefined;
  readonly capacity?: number | undefined;
}

/** A bus's events as a source: those of its log, or as many as its history holds, and then each as it comes. */
export function busEvents<M extends object = EventMap>(
  bus: EventBus<M>,
  options: BusEventsOptions = {},
): ProjectionSource {
  return {
    read: (after = START) => readPages(bus, options, after),
    follow: (after, take) => followBus(bus, options, { after, take }),
  };
}

async function* readPages<M extends object>(
  bus: EventBus<M>,
  { kind, source }: BusEventsOptions,
  after: ProjectionPosition,
): AsyncGenerator<NervEvent, void> {
  const skip = new SkipTo(after);
  let query: EventQuery = { kind, source, afterSeq: after.seq };
  for (;;) {
    const { items, next } = await bus.queryPage(query);
    for (const event of items) if (skip.isBehind(event)) yield event;
    if (next === undefined) break;
    query = { ...query, cursor: next };
  }
  skip.assertFound();
}

function followBus<M extends object>(
  bus: EventBus<M>,
  { kind, source, capacity }: BusEventsOptions,
  { after, take }: { readonly after: ProjectionPosition; readonly take: (event: NervEvent) => unknown },
): ProjectionFeed {
  const skip = new SkipTo(after);
  const from = { pattern: '**', kind, source, capacity, afterSeq: after.seq } as const;
  const subscription = subscribeWithReplay(bus, from, (event: NervEvent) =>
    skip.isBehind(event) ? take(event) : undefined,
  );
  const unsubscribe = (): void => subscription.unsubscribe();
  const caughtUp = subscription.caughtUp.then((count) => {
    if (!subscription.active) return count;
    try {
      skip.assertFound();
    } catch (error) {
      unsubscribe();
      throw error;
    }
    return count;
  });
  return {
    caughtUp,
    get active() {
      return subscription.active;
    },
    unsubscribe,
    [Symbol.dispose]: unsubscribe,
  };
}

/** Finds the place in events that have no `seq`, by the id of the last one taken. */
class SkipTo {
  readonly #eventId: string | undefined;
  #isFound: boolean;

  constructor({ seq, eventId }: ProjectionPosition) {
    this.#eventId = eventId;
    this.#isFound = seq !== undefined || eventId === undefined;
  }

  isBehind(event: NervEvent): boolean {
    if (this.#isFound) return true;
    this.#isFound = event.id === this.#eventId;
    return false;
  }

  assertFound(): void {
    if (this.#isFound) return;
    throw new NervError(
      'projection/gap',
      `The bus's history does not hold event ${this.#eventId} any more, so what came after it is not known. Rebuild.`,
      { details: { eventId: this.#eventId } },
    );
  }
}
