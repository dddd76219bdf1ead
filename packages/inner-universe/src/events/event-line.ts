/*
 * The line in which events of the log wait to be delivered. Invariants:
 * - events are delivered in the order in which they came, one at a time; one whose value must be fetched holds back
 *   those behind it;
 * - at most `WAITING_MAX` wait here; durable ones beyond are read from the log when the line has got so far.
 */
import type { IncomingEvent } from '@inner-universe/nerv';
import type { LiveEvent, ReadPage } from '../client/change-source.ts';
import { ALL_EVENTS } from '../client/reads.ts';
import type { EventSealer } from '../encryption/event-sealer.ts';
import { fetchEventOfRow, makeEventOfRow, needsFetch } from './event-row.ts';

/** How many events wait behind one that is being fetched. */
const WAITING_MAX = 10_000;

/** What a line reads with and delivers to. */
export interface EventLineParts {
  readonly read: ReadPage;
  readonly sealer: EventSealer | undefined;
  readonly deliver: (event: IncomingEvent) => void;
  readonly onError: (error: unknown) => void;
}

/** Delivers rows of the log as events, in order. */
export class EventLine {
  readonly #parts: EventLineParts;
  readonly #waiting: LiveEvent[] = [];
  #moving: Promise<void> | undefined;
  /** The `seq` after which the log is to be read, because some of what came had no room here. */
  #missedAfter: bigint | undefined;
  /** The last `seq` of what had no room. */
  #missedTo = 0n;
  #lastSeq = 0n;
  #closed = false;

  constructor(parts: EventLineParts) {
    this.#parts = parts;
  }

  /** Takes rows in order of `seq`. */
  accept(rows: readonly LiveEvent[]): void {
    for (const row of rows) {
      if (this.#moving === undefined && this.#missedAfter === undefined && !needsFetch(row, this.#parts.sealer))
        this.#deliver(() => makeEventOfRow(row));
      else this.#wait(row);
    }
  }

  /** Resolves when what came so far has been delivered. */
  async idle(): Promise<void> {
    await this.#moving;
  }

  /** Drops what waits. */
  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
  }

  #wait(row: LiveEvent): void {
    if (this.#closed) return;
    if (this.#missedAfter === undefined && this.#waiting.length < WAITING_MAX) {
      if (row.seq > 0n) this.#lastSeq = row.seq;
      this.#waiting.push(row);
    } else if (row.seq > 0n) {
      // It is in the log. An ephemeral one may be missed.
      this.#missedAfter ??= this.#lastSeq;
      this.#missedTo = row.seq;
    }
    this.#moving ??= this.#move().finally(() => (this.#moving = undefined));
  }

  async #move(): Promise<void> {
    let next = 0;
    for (;;) {
      const row = this.#waiting[next];
      if (row === undefined) {
        this.#waiting.length = 0;
        next = 0;
        if (!(await this.#readMissed())) return;
        continue;
      }
      next += 1;
      await this.#deliverFetched(row);
    }
  }

  async #deliverFetched(row: LiveEvent): Promise<void> {
    try {
      const event = needsFetch(row, this.#parts.sealer) ? await fetchEventOfRow(this.#parts, row) : makeEventOfRow(row);
      this.#deliver(() => event);
    } catch (error) {
      if (!this.#closed) this.#parts.onError(error);
    }
  }

  /** Puts a page of what had no room into the line; false when there is none, or it cannot be read now. */
  async #readMissed(): Promise<boolean> {
    const after = this.#missedAfter;
    if (after === undefined || this.#closed) return false;
    try {
      const page = await this.#parts.read('readEvents', { ...ALL_EVENTS, afterSeq: after });
      for (const row of page.events) this.#waiting.push({ ...row, durability: 'durable' });
      this.#lastSeq = page.lookedTo;
      this.#missedAfter = page.lookedTo < this.#missedTo ? page.lookedTo : undefined;
      return true;
    } catch (error) {
      // The next event that comes tries again.
      if (!this.#closed) this.#parts.onError(error);
      return false;
    }
  }

  #deliver(make: () => IncomingEvent): void {
    if (this.#closed) return;
    try {
      this.#parts.deliver(make());
    } catch (error) {
      this.#parts.onError(error);
    }
  }
}
