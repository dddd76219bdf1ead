import type { EventKind } from './event.ts';

/** Which past events. Times are in milliseconds since 1970, `from` inclusive, `to` exclusive. */
export interface EventQuery<P extends string = string> {
  readonly pattern?: P | undefined;
  /** Default `'application'`. */
  readonly kind?: EventKind | undefined;
  readonly source?: string | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Only events of the log after this place. */
  readonly afterSeq?: number | undefined;
  /** Default `'ascending'`: oldest first. */
  readonly order?: 'ascending' | 'descending' | undefined;
  /** The most events to give; of a page, at most and by default 1,000. */
  readonly limit?: number | undefined;
  /** Where a page before this one ended. */
  readonly cursor?: string | undefined;
}

/** A page of past events, and the cursor of the next if there may be one. */
export interface EventPage<E> {
  readonly items: readonly E[];
  readonly next: string | undefined;
}
