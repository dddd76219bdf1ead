/*
 * How many events of each partition are in the log and have not been given to it. Invariants:
 * - For a target that is counted, the number is exact up to what the live log has told.
 * - The log is asked once for targets that begin behind, together; from then on what is told live, and what is given,
 *   is counted here.
 */
import type { PassTarget } from './log-pass.ts';

/** Counts the log's events between the targets' positions and a place, by partition. */
export type CountUnread = (targets: readonly PassTarget[], throughSeq: bigint) => Promise<readonly number[]>;

/** What is known of events that nobody here was given yet. */
export class UnreadEvents {
  readonly #count: CountUnread;
  /** Told what failed; gives whether it is worth trying again later. */
  readonly #onFailed: (error: unknown) => boolean;
  readonly #numbers = new Map<PassTarget, number>();
  readonly #uncounted = new Set<PassTarget>();
  /** Those that the log is asked for now, unless they were given everything meanwhile. */
  #asked = new Set<PassTarget>();
  #counting: Promise<void> | undefined;

  constructor(count: CountUnread, onFailed: (error: unknown) => boolean) {
    this.#count = count;
    this.#onFailed = onFailed;
  }

  /** At least so many; exactly, once it was counted. */
  of(target: PassTarget): number {
    return Math.max(0, this.#numbers.get(target) ?? 0);
  }

  add(target: PassTarget): void {
    this.#numbers.set(target, 0);
  }

  remove(target: PassTarget): void {
    this.#numbers.delete(target);
    this.#uncounted.delete(target);
    this.#asked.delete(target);
  }

  clear(): void {
    this.#numbers.clear();
    this.#uncounted.clear();
    this.#asked.clear();
  }

  /** An event was told that its target did not take. */
  miss(target: PassTarget): void {
    this.#change(target, 1);
  }

  /** A target was given an event that had been told, or counted, before. */
  give(target: PassTarget): void {
    this.#change(target, -1);
  }

  /** A target has been given everything that was told. */
  empty(target: PassTarget): void {
    this.#uncounted.delete(target);
    this.#asked.delete(target);
    if (this.#numbers.has(target)) this.#numbers.set(target, 0);
  }

  /** What is known of these is not to be relied on: the log is asked. */
  doubt(targets: Iterable<PassTarget>): void {
    for (const target of targets) {
      this.#asked.delete(target);
      if (this.#numbers.has(target)) this.#uncounted.add(target);
    }
  }

  /** Asks the log for those that are in doubt, up to what has been told live. One asking at a time. */
  count(liveSeq: () => bigint): void {
    this.#counting ??= this.#countAll(liveSeq).finally(() => (this.#counting = undefined));
  }

  /** Resolves when the log is not asked any more. */
  async idle(): Promise<void> {
    await this.#counting;
  }

  async #countAll(liveSeq: () => bigint): Promise<void> {
    while (this.#uncounted.size > 0) {
      const targets = [...this.#uncounted];
      this.#asked = new Set(targets);
      this.#uncounted.clear();
      // What is told and given from here on counts on top of what the log says.
      for (const target of targets) this.#numbers.set(target, 0);
      try {
        const counts = await this.#count(targets, liveSeq());
        for (const target of this.#asked) this.#change(target, counts[target.partition] ?? 0);
      } catch (error) {
        if (this.#onFailed(error)) this.doubt(this.#asked);
        return;
      }
    }
  }

  #change(target: PassTarget, by: number): void {
    const before = this.#numbers.get(target);
    if (before !== undefined) this.#numbers.set(target, before + by);
  }
}
