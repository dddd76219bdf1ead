import type { EventFeedRow } from '@inner-universe/module/wire';
import type { CallOptions, ConnectionSubscription } from '../connection/connection.ts';
import type { ChangeSource, LiveEvent, ReadPage, SourceParts } from './change-source.ts';

/** How many pushed rows wait while pages are read. Beyond, durable ones are read from the log instead. */
const BUFFERED_MAX = 10_000;

/**
 * The owner's way: rows of the event table `event_feed`, written in the transaction that wrote the log. What was not
 * pushed (before the subscription, or because too much waited) is read from the log.
 */
export class PushedChanges implements ChangeSource {
  readonly #parts: SourceParts;
  #subscription: ConnectionSubscription | undefined;
  #buffer: LiveEvent[] = [];
  /** Pages are being read: what is pushed waits for them. */
  #busy = true;
  #flushing = false;
  #overflowed = false;
  #closed = false;

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  async start(read: ReadPage, call: CallOptions): Promise<void> {
    // First listen, then read: what is committed in between comes both ways and is handed out once.
    const request = {
      queries: ['SELECT * FROM event_feed'],
      tables: ['eventFeed'],
      onChange: ({ row }: { readonly row: object }) => this.#push(row as EventFeedRow), // the bindings' type of that table
    };
    this.#subscription = await this.#parts.connection.subscribe(request, call);
    await this.#readMissing(read);
  }

  catchUp(): Promise<void> {
    return this.#parts.sink.readOn(this.#parts.read);
  }

  async settle(): Promise<void> {
    // A write's rows are pushed with its answer, so they have come; unless they wait here, they have been handed out.
    if (this.#busy || this.#buffer.length > 0) await this.catchUp();
  }

  follows(): boolean {
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#subscription?.close();
  }

  #push(row: EventFeedRow): void {
    if (this.#buffer.length >= BUFFERED_MAX && this.#busy) {
      this.#overflowed = true;
      return;
    }
    this.#buffer.push(row);
    if (this.#busy || this.#flushing) return;
    // All rows of one transaction arrive in one turn; their order is the log's, not the message's.
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    const events = this.#buffer;
    this.#buffer = [];
    if (this.#closed || events.length === 0) return;
    sortBySeq(events);
    const complete = countComplete(events, this.#parts.sink.cursor);
    if (complete === events.length) {
      this.#parts.sink.deliver(events);
      return;
    }
    this.#parts.sink.deliver(events.slice(0, complete));
    this.#buffer = events.slice(complete);
    this.#readMissing(this.#parts.read).catch((error: unknown) => {
      if (!this.#closed) this.#parts.onError(error);
    });
  }

  async #readMissing(read: ReadPage): Promise<void> {
    this.#busy = true;
    try {
      do {
        this.#overflowed = false;
        await this.#parts.sink.readOn(read);
      } while (this.#overflowed && !this.#closed);
    } finally {
      this.#busy = false;
    }
    this.#flush();
  }
}

/** How many events, in order, follow the cursor without a gap. */
function countComplete(events: readonly LiveEvent[], cursor: bigint): number {
  let next = cursor + 1n;
  let count = 0;
  for (const { seq } of events) {
    if (seq > next) return count;
    if (seq === next) next += 1n;
    count += 1;
  }
  return count;
}

/** Ephemeral events, whose `seq` is 0, come first, in the order in which they came. */
function sortBySeq(events: LiveEvent[]): void {
  const isSorted = events.every((event, index) => index === 0 || (events[index - 1]?.seq ?? 0n) <= event.seq);
  if (!isSorted) events.sort((a, b) => (a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0));
}
