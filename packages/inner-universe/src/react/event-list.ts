/*
 * The latest events of a bus, as a list. Invariants:
 * - it holds at most `limit` events, the latest ones, each once, the oldest first: those of the log by `seq`, those that
 *   have no place there yet after them, in the order in which they came;
 * - a pending event is replaced by what came back from the log, and goes when it is refused.
 */
import type { EventBus, EventSubscription, NervEvent } from '@inner-universe/nerv/events';
import type { EventQuery } from '@inner-universe/nerv/events';
import type { LinkStatus } from '../connection/link-status.ts';
import type { Watchable } from '../connection/watched.ts';
import { asError, Source } from './source.ts';

/** The latest events that were seen. */
export interface EventsResult<E> {
  /** The oldest first; the same list until there is another. */
  readonly events: readonly E[];
  /** `loading` until past events were read, if any were asked for. */
  readonly status: 'loading' | 'ready' | 'failed';
  readonly error: Error | undefined;
}

/**
 * From where on events are listed: from now; from the first there is; those after a place in the log; or those since a
 * time. Of more than the limit the latest are listed.
 */
export type EventsFrom = 'now' | 'start' | { readonly afterSeq: number } | Date;

/** Which events are listed, and how many. */
export interface ListedEvents {
  readonly pattern: string;
  readonly from: EventsFrom;
  readonly limit: number;
}

const NO_EVENTS: readonly never[] = Object.freeze([]);

/** What is shown of a list that has no events yet, or cannot have any. */
export function noEvents(status: EventsResult<never>['status'], error?: Error): EventsResult<never> {
  return Object.freeze({ events: NO_EVENTS, status, error });
}

/** The latest events of a bus: followed while somebody subscribes. */
export class EventList extends Source<EventsResult<NervEvent>> {
  readonly #bus: EventBus;
  readonly #listed: ListedEvents;

  constructor(bus: EventBus, link: Watchable<LinkStatus> | undefined, listed: ListedEvents) {
    super(noEvents(listed.from === 'now' ? 'ready' : 'loading'), link);
    this.#bus = bus;
    this.#listed = listed;
  }

  protected override start(set: (result: EventsResult<NervEvent>) => void): () => void {
    const { pattern, from, limit } = this.#listed;
    const latest = new LatestEvents(limit);
    const subscriptions: EventSubscription[] = [];
    let status: EventsResult<NervEvent>['status'] = from === 'now' ? 'ready' : 'loading';
    const show = (): void => set({ events: latest.list(), status, error: undefined });
    const fail = (error: unknown): void => set({ events: latest.list(), status: 'failed', error: asError(error) });
    try {
      subscriptions.push(
        this.#bus.subscribe(pattern, (event: NervEvent) => {
          latest.add([event]);
          show();
        }),
        this.#bus.subscribe('event.rejected', ({ id }: NervEvent) => {
          if (latest.remove(id)) show();
        }),
      );
    } catch (error) {
      fail(error);
      return () => undefined;
    }
    if (from !== 'now') {
      readPast(this.#bus, this.#listed).then((past) => {
        status = 'ready';
        latest.add(past);
        show();
      }, fail);
    }
    return () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
    };
  }
}

async function readPast(bus: EventBus, { pattern, from, limit }: ListedEvents): Promise<readonly NervEvent[]> {
  const query: EventQuery = { pattern, limit, order: 'descending' };
  if (from instanceof Date) return bus.query({ ...query, from: from.getTime() });
  return bus.query(typeof from === 'object' ? { ...query, afterSeq: from.afterSeq } : query);
}

/** At most so many events, the latest. */
class LatestEvents {
  readonly #limit: number;
  readonly #byId = new Map<string, NervEvent>();
  #list: readonly NervEvent[] | undefined = NO_EVENTS;

  constructor(limit: number) {
    this.#limit = limit;
  }

  list(): readonly NervEvent[] {
    this.#list ??= Object.freeze([...this.#byId.values()]);
    return this.#list;
  }

  add(events: readonly NervEvent[]): void {
    let isInOrder = true;
    const last = [...this.#byId.values()].at(-1);
    for (const event of events) {
      const known = this.#byId.get(event.id);
      // What came from the log stands; what is pending gives way to it.
      if (known !== undefined && (known.seq !== undefined || event.seq === undefined)) continue;
      isInOrder &&= known === undefined && events.length === 1 && !isBefore(event, last);
      this.#byId.set(event.id, event);
    }
    if (!isInOrder) this.#sort();
    this.#cut();
    this.#list = undefined;
  }

  remove(id: string): boolean {
    if (!this.#byId.delete(id)) return false;
    this.#list = undefined;
    return true;
  }

  /** Sorting is stable: those without a place in the log stay in the order in which they came. */
  #sort(): void {
    const sorted = [...this.#byId.values()].sort((left, right) => placeOf(left) - placeOf(right));
    this.#byId.clear();
    for (const event of sorted) this.#byId.set(event.id, event);
  }

  #cut(): void {
    for (const id of this.#byId.keys()) {
      if (this.#byId.size <= this.#limit) return;
      this.#byId.delete(id);
    }
  }
}

function isBefore(event: NervEvent, last: NervEvent | undefined): boolean {
  return last !== undefined && placeOf(event) < placeOf(last);
}

/** A number, so that places can be subtracted: no place is behind every place. */
function placeOf({ seq }: NervEvent): number {
  return seq ?? Number.MAX_SAFE_INTEGER;
}
