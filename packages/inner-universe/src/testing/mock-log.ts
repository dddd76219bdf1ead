import {
  makeWireTimestamp,
  type EventFeedRow,
  type EventsPage,
  type PublishEventOp,
  type ReadEventsArguments,
  type WireIdentity,
} from '@inner-universe/module/wire';
import type { Clock } from '@inner-universe/nerv';
import { matchesPattern } from '@inner-universe/nerv/events/pattern';
import { RefusedError } from '../errors.ts';

/** An event to be written to the log of a mock. */
export type MockEvent = PublishEventOp & { readonly kind?: string | undefined };

const PAGE_MAX = 1_000;

/** The log of a mock: events by `seq`, and whoever is told of new ones. */
export class MockLog {
  readonly #clock: Clock;
  readonly #rows: EventFeedRow[] = [];
  readonly #ids = new Set<string>();
  #onRow: (row: EventFeedRow) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get seq(): bigint {
    return BigInt(this.#rows.length);
  }

  onRow(callback: (row: EventFeedRow) => void): void {
    this.#onRow = callback;
  }

  /** Writes all events of a request, or none. @throws {RefusedError} `event/id-taken`, with the place of the event */
  write(events: readonly MockEvent[], publisher: WireIdentity): void {
    const fresh = new Set<string>();
    for (const [op, { eventId }] of events.entries()) {
      if (this.#ids.has(eventId) || fresh.has(eventId)) throw makeIdTaken(eventId, op);
      fresh.add(eventId);
    }
    for (const event of events) this.#add(event, publisher);
  }

  read(args: ReadEventsArguments): EventsPage {
    const { afterSeq, descending, ids, limit } = args;
    const through = args.throughSeq === 0n || args.throughSeq > this.seq ? this.seq : args.throughSeq;
    const span = this.#rows.filter((row) => row.seq > afterSeq && row.seq <= through);
    const asked =
      ids.length > 0
        ? this.#rows.filter(({ eventId }) => ids.includes(eventId))
        : span.filter((row) => fits(row, args));
    if (descending) asked.reverse();
    const events = asked.slice(0, limit === 0 ? PAGE_MAX : Math.min(limit, PAGE_MAX));
    const more = events.length < asked.length;
    const last = events.at(-1)?.seq;
    const end = descending ? afterSeq + 1n : through;
    const lookedTo = more && last !== undefined ? last : end;
    return { events, lookedTo, more, seq: this.seq, trimmedSeq: 0n, recent: [], recentNumber: 0n };
  }

  #add({ kind = 'application', ...event }: MockEvent, publisher: WireIdentity): void {
    const isDurable = event.durability === 'durable';
    const recordedAt = makeWireTimestamp(this.#clock.nowMicros());
    const row: EventFeedRow = Object.freeze({
      ...event,
      kind,
      publisher,
      authoredAt: event.authoredAt ?? recordedAt,
      recordedAt,
      seq: isDurable ? this.seq + 1n : 0n,
      requestId: '',
    });
    if (isDurable) {
      this.#rows.push(row);
      this.#ids.add(row.eventId);
    }
    this.#onRow(row);
  }
}

function fits(
  row: EventFeedRow,
  { scope, pattern, kind, source, recordedFrom, recordedUntil }: ReadEventsArguments,
): boolean {
  const micros = row.recordedAt.__timestamp_micros_since_unix_epoch__;
  return (
    (scope === '' || row.scope === scope) &&
    (pattern === '' || matchesPattern(pattern, row.eventType)) &&
    (kind === '' || row.kind === kind) &&
    (source === '' || row.source === source) &&
    (recordedFrom === undefined || micros >= recordedFrom.__timestamp_micros_since_unix_epoch__) &&
    (recordedUntil === undefined || micros < recordedUntil.__timestamp_micros_since_unix_epoch__)
  );
}

function makeIdTaken(id: string, op: number): RefusedError {
  return new RefusedError({
    code: 'event/id-taken',
    message: `There is an event '${id}' already. Publish it under another id.`,
    ids: [id],
    op,
    details: {},
  });
}
