import type { Journal } from './journal.ts';

/** Work that writes and must be done: waits, in order, for the journal to take writes again. */
export class OwedWork {
  readonly #journal: Journal;
  readonly #owed: (() => void)[] = [];
  #isClosed = false;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Does something as soon as the journal takes it; never when it failed, a restart makes up for that. */
  whenWritable(action: () => void): void {
    if (this.#journal.canAppend && this.#owed.length === 0) {
      action();
      return;
    }
    if (this.#journal.failure !== undefined) return;
    this.#owed.push(action);
    if (this.#owed.length === 1) this.#await();
  }

  /** What is left is not done any more. */
  close(): void {
    this.#isClosed = true;
  }

  #await(): void {
    this.#journal.whenWritable().then(
      () => this.#pay(),
      // The failure is told and logged by the journal.
      () => this.#owed.splice(0),
    );
  }

  #pay(): void {
    while (this.#journal.canAppend) {
      const action = this.#owed.shift();
      if (action === undefined) return;
      action();
    }
    if (this.#owed.length > 0 && !this.#isClosed) this.#await();
  }
}
