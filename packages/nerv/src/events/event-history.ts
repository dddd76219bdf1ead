// The last events of a bus, in a ring.
//
// - Events that are pending are not kept: whoever confirms them hands them over again.
// - Position p of all events ever kept lies in slot p modulo the capacity.
// - The positions held are [next - size, next).

import { NervError } from '../errors.ts';
import type { NervEvent } from './event.ts';
import type { HistoryKeeper } from './bus-parts.ts';
import type { EventPage, EventQuery } from './event-query.ts';
import { checkedCount } from './incoming-event.ts';
import { compilePattern } from './pattern.ts';

/** The greatest page, and the default. */
export const MAX_PAGE_EVENTS = 1000;

/** Keeps the last `capacity` events, and finds among them. A bus is given one as `history`. */
export class EventHistory implements HistoryKeeper {
  readonly #capacity: number;
  #ring: NervEvent[] = [];
  #next = 0;

  /** @throws NervError `event/invalid` unless the capacity is a whole number from 1 */
  constructor(capacity: number) {
    this.#capacity = checkedCount('capacity', capacity);
  }

  /** Keeps one more event, in place of the oldest if full. */
  keep(event: NervEvent): void {
    if (event.pending) return;
    if (this.#ring.length < this.#capacity) this.#ring.push(event);
    else this.#ring[this.#next % this.#capacity] = event;
    this.#next += 1;
  }

  clear(): void {
    this.#ring = [];
    this.#next = 0;
  }

  /** All that match, up to the query's limit if it has one. */
  query(query: EventQuery): readonly NervEvent[] {
    return this.#find(query, query.limit ?? Number.POSITIVE_INFINITY).items;
  }

  /** The first page of those that match, from the cursor on. */
  queryPage(query: EventQuery): EventPage<NervEvent> {
    return this.#find(query, Math.min(query.limit ?? MAX_PAGE_EVENTS, MAX_PAGE_EVENTS));
  }

  #find(query: EventQuery, limit: number): EventPage<NervEvent> {
    if (!(limit >= 1)) {
      throw new NervError('event/invalid', `The query's limit is ${limit}; it must be at least 1.`, {
        details: { limit },
      });
    }
    const matches = makeFilter(query);
    const descending = query.order === 'descending';
    const step = descending ? -1 : 1;
    const oldest = this.#next - this.#ring.length;
    const items: NervEvent[] = [];
    for (let position = this.#start(query.cursor, descending); position >= oldest && position < this.#next;) {
      const event = this.#ring[position % this.#capacity];
      if (event !== undefined && matches(event)) {
        if (items.length >= limit) return { items, next: String(position) };
        items.push(event);
      }
      position += step;
    }
    return { items, next: undefined };
  }

  #start(cursor: string | undefined, descending: boolean): number {
    const oldest = this.#next - this.#ring.length;
    if (cursor === undefined) return descending ? this.#next - 1 : oldest;
    if (!/^\d{1,16}$/.test(cursor)) {
      throw new NervError('event/invalid', `${JSON.stringify(cursor)} is no cursor of this bus's history.`, {
        details: { cursor },
      });
    }
    return descending ? Number(cursor) : Math.max(Number(cursor), oldest);
  }
}

function makeFilter(query: EventQuery): (event: NervEvent) => boolean {
  const { source, from, to, afterSeq } = query;
  const kind = query.kind ?? 'application';
  const pattern = query.pattern === undefined ? undefined : compilePattern(query.pattern);
  return (event) =>
    event.kind === kind &&
    (pattern === undefined || pattern.matches(event.type)) &&
    (source === undefined || event.source === source) &&
    (from === undefined || event.timestamp >= from) &&
    (to === undefined || event.timestamp < to) &&
    (afterSeq === undefined || (event.seq !== undefined && event.seq > afterSeq));
}
