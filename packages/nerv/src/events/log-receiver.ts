// Between a log and the bus that its events are delivered to.
//
// - Events that have a `seq` are delivered in its order, each once.
// - An event that was delivered as pending is not delivered again when the log confirms it.
// - At most MAX_PENDING events are remembered as pending; the oldest are forgotten first.

import type { HistoryKeeper } from './bus-parts.ts';
import type { DeliveryReport } from './event-bus.ts';
import type { IncomingEvent } from './event.ts';
import { makeIncomingEvent } from './incoming-event.ts';
import type { LocalEventBus } from './local-event-bus.ts';

/** How many pending events are remembered until the log answers. */
export const MAX_PENDING = 10_000;

/** Delivers the events of a log to a bus. */
export class LogReceiver {
  readonly #bus: Pick<LocalEventBus, 'deliver'>;
  readonly #history: HistoryKeeper | undefined;
  readonly #nowMs: () => number;
  /** The types of the events that were delivered as pending and not settled, by id. */
  readonly #pendingTypes = new Map<string, string>();
  #lastSeq = -1;

  /** `history` is that of the bus, if it has one: what is confirmed is kept there. */
  constructor(bus: Pick<LocalEventBus, 'deliver'>, nowMs: () => number, history?: HistoryKeeper) {
    this.#bus = bus;
    this.#nowMs = nowMs;
    this.#history = history;
  }

  /**
   * Delivers an event as `EventBus.deliver` does. One whose `seq` is not above the last one is ignored; one that was
   * delivered as pending is only noted.
   * @throws NervError `event/invalid`, `event/limit`, `event/closed`
   */
  deliver(incoming: IncomingEvent): Promise<DeliveryReport> | undefined {
    const { id, type, seq, pending } = incoming;
    if (seq !== undefined && seq <= this.#lastSeq) return undefined;
    if (pending !== true && this.#pendingTypes.has(id)) {
      this.#history?.keep(makeIncomingEvent(incoming));
      this.#pendingTypes.delete(id);
      this.#lastSeq = seq ?? this.#lastSeq;
      return undefined;
    }
    const lastSeq = this.#lastSeq;
    this.#lastSeq = seq ?? lastSeq;
    if (pending === true) this.#remember(id, type);
    try {
      return this.#bus.deliver(incoming);
    } catch (error) {
      // A wrong event does not move the receiver on.
      this.#lastSeq = lastSeq;
      this.#pendingTypes.delete(id);
      throw error;
    }
  }

  /** Tells that the log refused an event delivered as pending: an `event.rejected` with its id is delivered. */
  rejectPending(id: string, reason: unknown): void {
    const type = this.#pendingTypes.get(id);
    if (type === undefined) return;
    this.#pendingTypes.delete(id);
    void this.#bus.deliver({
      id,
      type: 'event.rejected',
      kind: 'system',
      data: { type, reason },
      timestamp: this.#nowMs(),
    });
  }

  /** Forgets what is pending. */
  close(): void {
    this.#pendingTypes.clear();
  }

  #remember(id: string, type: string): void {
    this.#pendingTypes.set(id, type);
    for (const oldest of this.#pendingTypes.keys()) {
      if (this.#pendingTypes.size <= MAX_PENDING) return;
      this.#pendingTypes.delete(oldest);
    }
  }
}
