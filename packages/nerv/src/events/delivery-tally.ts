import type { DeliveryReport } from './event-bus.ts';

/** Counts what becomes of one event for somebody who waits for it. */
export class DeliveryTally {
  readonly errors: unknown[] = [];
  readonly #unsettled: Promise<void>[] = [];
  #handled = 0;

  /** A handler, or a stream, took the event. */
  took(): void {
    this.#handled += 1;
  }

  /** What it took is settled when the promise is, which never rejects. */
  await(settled: Promise<void>): void {
    this.#unsettled.push(settled);
  }

  /** How many handlers and streams took the event. */
  get handled(): number {
    return this.#handled;
  }

  /** The account, once everything has settled. */
  async report(id: string): Promise<DeliveryReport> {
    if (this.#unsettled.length > 0) await Promise.all(this.#unsettled);
    return { id, handled: this.#handled, errors: this.errors };
  }
}
