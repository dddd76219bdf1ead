/*
 * The dead letters of one partition, as far as they tell its holder something. Invariants:
 * - A letter is handled again once for each time it was asked for: what was read before it was handled last is not
 *   believed.
 * - With the policy `stop`, the event at which the partition stands is passed only when its letter is gone from what was
 *   read after it was written.
 */
import type { ConsumerDeadLetterRow } from '@inner-universe/module/wire';
import type { WaitingEvent } from './log-pass.ts';

/** An event at which a partition waits for somebody's decision. */
export interface StoppedAt {
  readonly eventId: string;
  readonly seq: bigint;
  readonly reason: string;
}

/** What is to become of the next event. */
export type LetterVerdict = 'handle' | 'wait' | 'pass';

/** How many letters are kept here to be handled again; more are found when these are done. */
export const AGAIN_MAX = 1_000;

/** What is known of a partition's letters. */
export class PartitionLetters {
  readonly #isStopping: boolean;
  #ahead: ReadonlyMap<string, string> = new Map();
  #again: ConsumerDeadLetterRow[] = [];
  #current: string | undefined;
  #stopped: StoppedAt | undefined;
  /** Counts what was done here that a reading under way may not show. */
  #changes = 0;

  constructor(failurePolicy: string) {
    this.#isStopping = failurePolicy === 'stop';
  }

  get stopped(): StoppedAt | undefined {
    return this.#stopped;
  }

  /** What tells `take` whether something was done here since. */
  get version(): number {
    return this.#changes;
  }

  /** Whether the letters are to be read again soon: some may wait that had no room here. */
  get isFull(): boolean {
    return this.#again.length >= AGAIN_MAX;
  }

  /** Takes what was read, if nothing was done here since `version`; else it tells nothing, and false is given. */
  take(letters: readonly ConsumerDeadLetterRow[], { offset, version }: { offset: bigint; version: number }): boolean {
    if (version !== this.#changes) return false;
    const ahead = this.#isStopping ? letters.filter(({ seq }) => seq > offset) : [];
    this.#ahead = new Map(ahead.filter(({ attempts }) => attempts > 0).map(({ eventId, reason }) => [eventId, reason]));
    this.#known = new Set(ahead.map(({ eventId }) => eventId));
    this.#again = letters
      .filter(({ attempts, eventId }) => attempts === 0 && eventId !== this.#current && !this.#known.has(eventId))
      .slice(0, AGAIN_MAX);
    return true;
  }

  /** Letters of events that are still to come, those that are to be handled again included. */
  #known: ReadonlySet<string> = new Set();

  /** Whether there is a letter of this event, which goes when the event is handled. */
  has(eventId: string): boolean {
    return this.#known.has(eventId);
  }

  /** The next letter to be handled again, until `finish`. */
  next(): ConsumerDeadLetterRow | undefined {
    const letter = this.#again.shift();
    this.#current = letter?.eventId;
    return letter;
  }

  get hasNext(): boolean {
    return this.#again.length > 0;
  }

  /** What `next` gave was handled, or parked again. */
  finish(): void {
    this.#current = undefined;
    this.#changes += 1;
  }

  /** What is to become of the next event; it may be that somebody has decided. */
  judge(event: WaitingEvent): LetterVerdict {
    const reason = this.#ahead.get(event.eventId);
    if (reason !== undefined) {
      this.#stopped = { eventId: event.eventId, seq: event.seq, reason };
      return 'wait';
    }
    const wasStopped = this.#stopped?.eventId === event.eventId;
    this.#stopped = undefined;
    // Its letter was taken away: it is not wanted any more.
    return wasStopped && !this.#known.has(event.eventId) ? 'pass' : 'handle';
  }

  /** A letter was written for this event, at which the partition stands now. */
  stopAt(event: WaitingEvent, reason: string): void {
    this.#changes += 1;
    this.#stopped = { eventId: event.eventId, seq: event.seq, reason };
    this.#ahead = new Map(this.#ahead).set(event.eventId, reason);
    this.#known = new Set(this.#known).add(event.eventId);
  }

  /** Events were handled, and their letters taken away. */
  forget(eventIds: readonly string[]): void {
    if (eventIds.length > 0) this.#changes += 1;
    this.#known = new Set([...this.#known].filter((id) => !eventIds.includes(id)));
  }
}
