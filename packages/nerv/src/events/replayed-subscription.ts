// A subscription that begins with the past.
//
// - The handler gets each event once: the past in its order, then those that came meanwhile, then each as it comes.
// - At most `capacity` events wait while the past is handed over; one more ends the subscription with an error,
//   because to drop it would leave a gap.

import { bufferFull } from './buffer-full.ts';
import type { EventBus, EventHandler, EventSubscription } from './event-bus.ts';
import type { EventQuery } from './event-query.ts';
import type { EventMap, EventOf, NervEvent } from './event.ts';
import { checkedCount } from './incoming-event.ts';

/** How a subscription begins with the past, and how many events may wait meanwhile (default 1,024). */
export interface ReplayOptions<P extends string> extends Omit<EventQuery<P>, 'order' | 'limit' | 'cursor' | 'to'> {
  readonly pattern: P;
  readonly capacity?: number | undefined;
}

/** A subscription that began with the past. */
export interface ReplayedSubscription extends EventSubscription {
  /** Resolves with the number of past events once they and all that came meanwhile were handed over. */
  readonly caughtUp: Promise<number>;
}

interface WaitingEvent<E> {
  readonly event: E;
  readonly settle: (result: unknown) => void;
}

/** Hands the past that the query asks for to the handler, and then what the pattern, kind and source take. */
export function subscribeWithReplay<P extends string, M extends object = EventMap>(
  bus: EventBus<M>,
  options: ReplayOptions<P>,
  handler: EventHandler<EventOf<M, P>>,
): ReplayedSubscription {
  const { pattern, kind, source, capacity = 1024 } = options;
  checkedCount('capacity', capacity);
  const waiting = new Map<string, WaitingEvent<EventOf<M, P>>>();
  let isCatchingUp = true;
  let lastSeq = -1;

  const subscription = bus.subscribe<P>({ pattern, kind, filter: (event) => isWanted(event, source) }, (event) => {
    if (!isCatchingUp) return handler(event);
    if (event.seq !== undefined && event.seq <= lastSeq) return undefined;
    if (waiting.size >= capacity) {
      subscription.unsubscribe();
      throw bufferFull(event, capacity);
    }
    return new Promise((settle) => waiting.set(event.id, { event, settle }));
  });

  const handOver = (event: EventOf<M, P>): unknown => {
    lastSeq = event.seq ?? lastSeq;
    const live = waiting.get(event.id);
    waiting.delete(event.id);
    live?.settle(undefined);
    return subscription.active ? handler(event) : undefined;
  };

  const finish = (count: number): number => {
    for (const [id, { event, settle }] of waiting) {
      waiting.delete(id);
      settle(new Promise((resolve) => resolve(subscription.active ? handler(event) : undefined)));
    }
    isCatchingUp = false;
    return count;
  };

  const replayed = bus.replay<P>({ ...options, order: 'ascending' }, handOver);
  const caughtUp = typeof replayed === 'number' ? Promise.resolve(finish(replayed)) : replayed.then(finish);
  return {
    caughtUp,
    get active() {
      return subscription.active;
    },
    unsubscribe: () => subscription.unsubscribe(),
    [Symbol.dispose]: () => subscription.unsubscribe(),
  };
}

function isWanted(event: NervEvent, source: string | undefined): boolean {
  return source === undefined || event.source === source;
}
