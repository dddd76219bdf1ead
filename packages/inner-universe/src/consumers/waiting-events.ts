import type { WaitingEvent } from './log-pass.ts';

/** What waits before reading stops, and what is taken at most of what comes nevertheless. */
const EVENTS = 500;
const EVENTS_MAX = 2_000;
const BYTES = 4_194_304;

/** The events of a partition that wait to be handled, in order. Bounded, by number and bytes. */
export class WaitingEvents {
  readonly #events: WaitingEvent[] = [];
  #bytes = 0;
  #position: bigint;

  constructor(position: bigint) {
    this.#position = position;
  }

  get length(): number {
    return this.#events.length;
  }

  /** Up to where all events of the partition have come. */
  get position(): bigint {
    return this.#position;
  }

  get hasRoom(): boolean {
    return this.#events.length < EVENTS && this.#bytes < BYTES;
  }

  at(index: number): WaitingEvent | undefined {
    return this.#events[index];
  }

  /** False when there is no room at all. */
  add(event: WaitingEvent): boolean {
    if (this.#events.length >= EVENTS_MAX || this.#bytes >= 2 * BYTES) return false;
    if (event.seq <= this.#position) throw new Error('Events of a partition come in order, each once.');
    this.#events.push(event);
    this.#bytes += sizeOf(event);
    this.#position = event.seq;
    return true;
  }

  /** All events of the partition up to there have come. */
  passTo(seq: bigint): void {
    if (seq > this.#position) this.#position = seq;
  }

  /** Removes the first ones. */
  drop(count: number): void {
    for (const event of this.#events.splice(0, count)) this.#bytes -= sizeOf(event);
  }
}

/** About the memory that an event's texts take. */
function sizeOf({ data, metadata, eventId, source }: WaitingEvent): number {
  return data.length + metadata.length + eventId.length + source.length;
}
