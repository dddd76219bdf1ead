import { makeWireTimestamp, microsOf, type ReadEventsArguments } from '@inner-universe/module/wire';
import { NervError, type EventOf, type EventPage, type EventQuery, type NervEvent } from '@inner-universe/nerv';
import { ALL_EVENTS } from '../client/reads.ts';
import { completeEvent, fetchEventOfRow, type EventSource } from './event-row.ts';

const PAGE_EVENTS_MAX = 1_000;

/**
 * Which past events of the log. `from` and `to` are the times that events were authored at, which the log does not
 * order by: looking for them reads it through. The times they were recorded at it finds at once.
 */
export interface LogQuery<P extends string = string> extends EventQuery<P> {
  /** Recorded at that time or later; milliseconds since 1970. */
  readonly recordedFrom?: number | undefined;
  /** Recorded before that time; milliseconds since 1970. */
  readonly recordedTo?: number | undefined;
  /** Only of that scope; default: of all that may be read. */
  readonly scope?: string | undefined;
}

/** Reads past events out of the log, page by page. Times are those the events were authored at. */
export class EventLogReader<M extends object> {
  readonly #source: EventSource;

  constructor(source: EventSource) {
    this.#source = source;
  }

  async query<P extends string>(query: LogQuery<P>, signal?: AbortSignal): Promise<readonly EventOf<M, P>[]> {
    const events: EventOf<M, P>[] = [];
    for await (const event of this.iterate(query, signal)) events.push(event);
    return events;
  }

  /** All events a query asks for, in its order, a page at a time; no more pages once the signal has aborted. */
  async *iterate<P extends string>(
    query: LogQuery<P>,
    signal?: AbortSignal,
  ): AsyncGenerator<EventOf<M, P>, void, undefined> {
    let left = query.limit ?? Number.POSITIVE_INFINITY;
    if (left !== Number.POSITIVE_INFINITY) checkedWhole('limit', left, 1);
    let cursor = query.cursor;
    // The module does not know the authored times: of a page that is filtered by them, few may be left.
    const isFiltered = query.from !== undefined || query.to !== undefined;
    while (left > 0) {
      signal?.throwIfAborted();
      const limit = isFiltered ? PAGE_EVENTS_MAX : Math.min(left, PAGE_EVENTS_MAX);
      const page = await this.queryPage({ ...query, limit, cursor });
      yield* left < page.items.length ? page.items.slice(0, left) : page.items;
      left -= page.items.length;
      if (page.next === undefined) return;
      cursor = page.next;
    }
  }

  /** One page; it may hold fewer events than asked for, also none, and still have a next. */
  async queryPage<P extends string>(query: LogQuery<P>): Promise<EventPage<EventOf<M, P>>> {
    const descending = query.order === 'descending';
    const page = await this.#source.read('readEvents', makeArguments(query, descending));
    const items: NervEvent[] = [];
    for (const row of page.events) {
      const timeMs = Number(microsOf(row.authoredAt) / 1000n);
      if (query.from !== undefined && timeMs < query.from) continue;
      if (query.to !== undefined && timeMs >= query.to) continue;
      items.push(completeEvent(await fetchEventOfRow(this.#source, row)));
    }
    const next = page.more ? (descending ? page.lookedTo - 1n : page.lookedTo) : undefined;
    return {
      items: items as EventOf<M, P>[], // the module gives only events that the pattern matches
      next: next === undefined || (descending && next < 1n) ? undefined : next.toString(),
    };
  }
}

function makeArguments(query: LogQuery, descending: boolean): ReadEventsArguments {
  const cursor = query.cursor === undefined ? undefined : parseCursor(query.cursor);
  const afterSeq = BigInt(checkedWhole('afterSeq', query.afterSeq ?? 0, 0));
  return {
    ...ALL_EVENTS,
    pattern: query.pattern ?? '',
    kind: query.kind ?? 'application',
    source: query.source ?? '',
    scope: query.scope ?? '',
    recordedFrom: query.recordedFrom === undefined ? undefined : makeWireTimestamp(microsFrom(query.recordedFrom)),
    recordedUntil: query.recordedTo === undefined ? undefined : makeWireTimestamp(microsFrom(query.recordedTo) - 1n),
    afterSeq: descending ? afterSeq : (cursor ?? afterSeq),
    throughSeq: descending ? (cursor ?? 0n) : 0n,
    descending,
    limit: Math.min(checkedWhole('limit', query.limit ?? PAGE_EVENTS_MAX, 1), PAGE_EVENTS_MAX),
  };
}

function parseCursor(cursor: string): bigint {
  if (/^\d{1,20}$/.test(cursor)) return BigInt(cursor);
  throw new NervError('event/invalid', `${JSON.stringify(cursor)} is no cursor of this log.`, { details: { cursor } });
}

function checkedWhole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new NervError('event/invalid', `The option '${name}' is ${value}; it must be a whole number from ${least}.`, {
    details: { [name]: value },
  });
}

/** The first microsecond that is not before a time in milliseconds. */
function microsFrom(timeMs: number): bigint {
  if (Number.isFinite(timeMs)) return BigInt(Math.ceil(timeMs * 1000));
  throw new NervError('event/invalid', `The time ${timeMs} is none; give milliseconds since 1970.`, {
    details: { timeMs },
  });
}
