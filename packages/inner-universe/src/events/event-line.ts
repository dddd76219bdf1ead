/*
 * The line in which events of the log wait to be delivered. Invariants:
 * - events are delivered in the order in which they came, one at a time; one whose value must be fetched holds back
 *   those behind it;
 * - at most `UNSETTLED_MAX` deliveries are unsettled: what comes beyond waits until handlers have settled and streams
 *   that block have room, unless somebody here waits for the delivery of an event, which may be behind;
 * - at most `WAITING_MAX` wait here; durable ones beyond are read from the log when the line has got so far, ephemeral
 *   ones are dropped, which is told once for each time the line is full.
 */
import { NervError, type DeliveryReport, type IncomingEvent } from '@inner-universe/nerv';
import type { LiveEvent, ReadPage } from '../client/change-source.ts';
import { ALL_EVENTS } from '../client/reads.ts';
import type { EventSealer } from '../encryption/event-sealer.ts';
import { NervPersistenceError } from '../errors.ts';
import type { Telemetry } from '../observability/telemetry.ts';
import { fetchEventOfRow, makeEventOfRow, needsFetch } from './event-row.ts';
import type { EventUpcasting } from './upcasting.ts';

/** How many events wait behind one that is being fetched, or behind handlers that have not settled. */
export const WAITING_MAX = 10_000;
/** How many deliveries may be unsettled. Streams that block, and queues of subscriptions, hold more than that. */
export const UNSETTLED_MAX = 1_000;
/** So many delivered rows are kept at the front before they are cut off. */
const DELIVERED_MAX = 1_024;

/** What a line reads with and delivers to. */
export interface EventLineParts {
  readonly read: ReadPage;
  readonly sealer: EventSealer | undefined;
  readonly upcasting?: EventUpcasting | undefined;
  /** The promise, if there is one, settles when the handlers have. */
  readonly deliver: (event: IncomingEvent) => Promise<DeliveryReport> | undefined;
  readonly onError: (error: unknown) => void;
  /** Whether somebody waits for the delivery of an event: then it is not held back by handlers. */
  readonly isAwaited: () => boolean;
  /** Whether a row would reach anybody, were it delivered now: what would not is passed over. Default: each would. */
  readonly isHeard?: ((row: LiveEvent) => boolean) | undefined;
  readonly telemetry: Telemetry;
}

/** Delivers rows of the log as events, in order. */
export class EventLine {
  readonly #parts: EventLineParts;
  /** Up to where what was to be read has been trimmed, as far as was told. */
  #trimmedSeq = 0n;
  #waiting: LiveEvent[] = [];
  /** How many of those at the front have been delivered. */
  #delivered = 0;
  #moving: Promise<void> | undefined;
  #unsettled = 0;
  /** Ends the wait for handlers. */
  #resume: (() => void) | undefined;
  /** The `seq` after which the log is to be read, because some of what came had no room here. */
  #missedAfter: bigint | undefined;
  /** The last `seq` of what had no room. */
  #missedTo = 0n;
  /** The last `seq` that came, or before which nothing is wanted. */
  #lastSeq: bigint;
  /** How many ephemeral events had no room since the line was last empty. */
  #dropped = 0;
  #isHoldTold = false;
  #closed = false;

  /** `afterSeq`: from where on rows will come. */
  constructor(parts: EventLineParts, afterSeq = 0n) {
    this.#parts = parts;
    this.#lastSeq = afterSeq;
  }

  /** How many events wait here. */
  get waiting(): number {
    return this.#waiting.length - this.#delivered;
  }

  /** How many deliveries have not settled. */
  get unsettled(): number {
    return this.#unsettled;
  }

  /** Takes rows in order of `seq`. */
  accept(rows: readonly LiveEvent[]): void {
    for (const row of rows) {
      if (row.seq > this.#lastSeq) this.#lastSeq = row.seq;
      const isEmpty = this.#moving === undefined && this.#missedAfter === undefined;
      if (isEmpty && !this.#isHeard(row)) continue;
      if (isEmpty && !this.#isHeld() && !needsFetch(row, this.#parts.sealer)) this.#deliverRow(row);
      else this.#wait(row);
    }
  }

  /** Reads what was skipped: rows behind the last one that came, up to that one, will not come. */
  readSkipped(toSeq: bigint): void {
    if (this.#closed || toSeq <= this.#lastSeq) return;
    this.#missedAfter ??= this.#lastSeq;
    this.#missedTo = toSeq;
    this.#lastSeq = toSeq;
    this.#trimmedSeq = toSeq;
    this.#start();
  }

  /** Resolves when what came so far has been delivered. */
  async idle(): Promise<void> {
    await this.#moving;
  }

  /** Looks again whether it may go on: `isAwaited` has become true. */
  wake(): void {
    this.#resume?.();
  }

  /** Drops what waits. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#delivered = 0;
    this.#resume?.();
  }

  #isHeld(): boolean {
    return this.#unsettled >= UNSETTLED_MAX && !this.#parts.isAwaited();
  }

  #wait(row: LiveEvent): void {
    if (this.#closed) return;
    if (this.#missedAfter === undefined && this.waiting < WAITING_MAX) {
      this.#waiting.push(row);
    } else if (row.seq > 0n) {
      // It is in the log.
      this.#missedAfter ??= row.seq - 1n;
      this.#missedTo = row.seq;
    } else {
      this.#drop(row);
    }
    this.#start();
  }

  #start(): void {
    this.#moving ??= this.#move().finally(() => (this.#moving = undefined));
  }

  /** An ephemeral event may be missed. That it was is told when the first one has no room. */
  #drop({ eventType: type }: LiveEvent): void {
    this.#dropped += 1;
    this.#parts.telemetry.count('events.dropped');
    if (this.#dropped > 1) return;
    const message = `${WAITING_MAX} events wait for handlers that have not settled: ephemeral ones are dropped, '${type}' is the first.`;
    this.#parts.onError(new NervError('event/buffer-full', message, { details: { type, waiting: WAITING_MAX } }));
  }

  async #move(): Promise<void> {
    for (;;) {
      const row = this.#waiting[this.#delivered];
      if (row === undefined) {
        this.#waiting = [];
        this.#delivered = 0;
        this.#dropped = 0;
        if (await this.#readMissed()) continue;
        this.#isHoldTold = false;
        return;
      }
      if (this.#isHeld()) {
        await this.#settled();
        continue;
      }
      this.#delivered += 1;
      if (this.#delivered >= DELIVERED_MAX) {
        this.#waiting = this.#waiting.slice(this.#delivered);
        this.#delivered = 0;
      }
      await this.#deliverFetched(row);
    }
  }

  /** Waits until the line may look again whether it is held. */
  async #settled(): Promise<void> {
    const { telemetry } = this.#parts;
    if (!this.#isHoldTold) telemetry.log('warn', 'Events wait for handlers to settle.', { unsettled: this.#unsettled });
    this.#isHoldTold = true;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    this.#resume = undefined;
  }

  async #deliverFetched(row: LiveEvent): Promise<void> {
    if (!this.#isHeard(row)) return;
    if (!needsFetch(row, this.#parts.sealer)) {
      this.#deliverRow(row);
      return;
    }
    try {
      this.#deliver(await fetchEventOfRow(this.#parts, row));
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
      this.#missedAfter = page.lookedTo < this.#missedTo ? page.lookedTo : undefined;
      return true;
    } catch (error) {
      if (!this.#closed) this.#parts.onError(error);
      const resumeAfter = this.#findResumption(error);
      // Where it can never be read, it goes on behind; else the next event that comes tries again.
      if (resumeAfter === undefined || resumeAfter <= after) return false;
      this.#missedAfter = resumeAfter < this.#missedTo ? resumeAfter : undefined;
      return true;
    }
  }

  /** Behind what an error says to be gone for good. */
  #findResumption(error: unknown): bigint | undefined {
    if (!(error instanceof NervPersistenceError)) return undefined;
    const { trimmedSeq } = error.details;
    if (error.code === 'event/trimmed' || error.code === 'archive/gap') return BigInt(String(trimmedSeq));
    return error.code === 'archive/damaged' || error.code === 'archive/newer-format' ? this.#trimmedSeq : undefined;
  }

  #isHeard(row: LiveEvent): boolean {
    return this.#parts.isHeard?.(row) !== false;
  }

  #deliverRow(row: LiveEvent): void {
    if (this.#closed) return;
    try {
      this.#deliver(makeEventOfRow(row, this.#parts.upcasting));
    } catch (error) {
      this.#parts.onError(error);
    }
  }

  #deliver(event: IncomingEvent): void {
    if (this.#closed) return;
    const report = this.#parts.deliver(event);
    if (report === undefined) return;
    this.#unsettled += 1;
    report.then(this.#onSettled, this.#onFailed);
  }

  readonly #onSettled = (): void => {
    this.#unsettled -= 1;
    if (this.#resume !== undefined && !this.#isHeld()) this.#resume();
  };

  /** What asynchronous middleware refused: handlers' own errors are told by the bus. */
  readonly #onFailed = (error: unknown): void => {
    this.#onSettled();
    if (!this.#closed) this.#parts.onError(error);
  };
}
