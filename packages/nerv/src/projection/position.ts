import type { NervEvent } from '../events/event.ts';

/** How far a projection has come: how many events it took, and which was the last of them. */
export interface ProjectionPosition {
  readonly events: number;
  /** The `seq` of the last event that had one. */
  readonly seq: number | undefined;
  readonly eventId: string | undefined;
  /** The latest timestamp of all of them, in milliseconds since 1970. */
  readonly timeMs: number | undefined;
}

/** The position before the first event. */
export const START: ProjectionPosition = /* @__PURE__ */ Object.freeze({
  events: 0,
  seq: undefined,
  eventId: undefined,
  timeMs: undefined,
});

/** A position that moves. Kept apart from what is handed out, so that an event costs no object. */
export class Place {
  #events: number;
  #seq: number | undefined;
  #eventId: string | undefined;
  #timeMs: number | undefined;

  constructor({ events, seq, eventId, timeMs }: ProjectionPosition = START) {
    this.#events = events;
    this.#seq = seq;
    this.#eventId = eventId;
    this.#timeMs = timeMs;
  }

  get events(): number {
    return this.#events;
  }

  get position(): ProjectionPosition {
    return { events: this.#events, seq: this.#seq, eventId: this.#eventId, timeMs: this.#timeMs };
  }

  /** Whether the event has been passed already, by its `seq`; an event without one never has. */
  isPast(event: NervEvent): boolean {
    return event.seq !== undefined && this.#seq !== undefined && event.seq <= this.#seq;
  }

  advance(event: NervEvent): void {
    this.#events += 1;
    this.#seq = event.seq ?? this.#seq;
    this.#eventId = event.id;
    if (this.#timeMs === undefined || event.timestamp > this.#timeMs) this.#timeMs = event.timestamp;
  }
}
