import type { Timer, Timers } from '../clock/clock.ts';
import type { Datastore } from '../datastore/datastore.ts';

/** Rows that are put into an index in one turn: a few milliseconds, for which calls wait. */
const ROWS_PER_TURN = 2_000;
/** Others get their turn meanwhile. */
const PAUSE_MS = 10;

/**
 * Builds the indexes that loading put off, in small steps behind whatever else happens. What needs one before that
 * builds it by itself; nothing waits for this.
 */
export class IndexBuilding {
  readonly #datastore: () => Datastore;
  readonly #timers: Timers;
  #timer: Timer | undefined;

  /** `datastore` gives the one that is in use now. */
  constructor(datastore: () => Datastore, timers: Timers) {
    this.#datastore = datastore;
    this.#timers = timers;
  }

  /** Takes the first step later. Does nothing where nothing was put off. */
  start(): void {
    if (this.#datastore().hasUnbuiltIndexes) this.#timer = this.#timers.after(PAUSE_MS, () => this.#step());
  }

  /** No step is taken afterwards. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #step(): void {
    this.#datastore().buildIndexes(ROWS_PER_TURN);
    this.start();
  }
}
