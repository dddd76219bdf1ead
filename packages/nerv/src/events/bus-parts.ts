import type { EventPage, EventQuery } from './event-query.ts';
import type { NervEvent } from './event.ts';

/** The rest of an event's way: to be called at most once, with the event or a changed copy of the same id. */
export type NextStage = (event: NervEvent) => unknown;

/** A stage of an event's way. Not to call `next` is to drop the event; to throw is to refuse it. */
export type EventStage = (event: NervEvent, next: NextStage) => unknown;

/** What stands in the way of events, each part where it says. */
export interface BusMiddleware {
  /** Around `emit`, `publish` and `publishAndWait`. */
  readonly publish?: EventStage | undefined;
  /** Around `deliver`: events that come from elsewhere. */
  readonly receive?: EventStage | undefined;
  /** Around each call of a handler, also those of streams and waits. */
  readonly handle?: EventStage | undefined;
}

/** What a bus remembers its past with. */
export interface HistoryKeeper {
  /** Called with each event when its delivery begins, before any handler. */
  keep(event: NervEvent): void;
  query(query: EventQuery): readonly NervEvent[];
  queryPage(query: EventQuery): EventPage<NervEvent>;
  /** Called when the bus closes. */
  clear(): void;
}
