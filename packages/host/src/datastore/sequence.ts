import type { SequenceDef } from '../schema/module-def.ts';

/** How many values are allocated at once: what a restart may skip, against how often an allocation is logged. */
const SEQUENCE_ALLOCATION = 4096n;

/**
 * The durable state of a sequence: values before `allocated` may have been handed out; after a restart the sequence
 * goes on with it.
 */
export interface SequenceAllocation {
  readonly tableId: number;
  readonly column: number;
  readonly allocated: bigint;
}

/**
 * Hands out values of an auto-increment column. Values are never handed out twice (until the range wraps), also not
 * when the transaction that took them rolls back.
 */
export class Sequence {
  readonly column: number;
  readonly #def: SequenceDef;
  readonly #tableId: number;
  readonly #onAllocation: (allocation: SequenceAllocation) => void;
  #next: bigint;
  #allocated: bigint;
  #left = 0n;

  /** `onAllocation` is told of each allocation before its first value is handed out. */
  constructor(tableId: number, def: SequenceDef, onAllocation: (allocation: SequenceAllocation) => void) {
    this.column = def.column;
    this.#def = def;
    this.#tableId = tableId;
    this.#onAllocation = onAllocation;
    this.#next = def.start;
    this.#allocated = def.start;
  }

  /** Goes on where another sequence of the same range stands, which is not used any more. */
  takeOver(other: Sequence): void {
    this.#next = other.#next;
    this.#allocated = other.#allocated;
    this.#left = other.#left;
  }

  /** A sequence that goes on with the same next value, apart from this one. */
  fork(onAllocation: (allocation: SequenceAllocation) => void): Sequence {
    const fork = new Sequence(this.#tableId, this.#def, onAllocation);
    fork.#next = this.#next;
    fork.#allocated = this.#allocated;
    fork.#left = this.#left;
    return fork;
  }

  /** The next value, not yet cut to the width of its column. */
  take(): bigint {
    if (this.#left === 0n) this.#allocate();
    const value = this.#next;
    this.#next = this.#step(value, 1n);
    this.#left -= 1n;
    return value;
  }

  /** The present allocation; undefined when none was ever made. */
  get allocation(): SequenceAllocation | undefined {
    if (this.#allocated === this.#def.start && this.#left === 0n) return undefined;
    return { tableId: this.#tableId, column: this.column, allocated: this.#allocated };
  }

  /** Goes on behind a stored allocation; one from before the range was changed is brought into the range. */
  restore(allocated: bigint): void {
    this.#next = this.#step(allocated, 0n);
    this.#allocated = this.#next;
    this.#left = 0n;
  }

  #allocate(): void {
    this.#allocated = this.#step(this.#next, SEQUENCE_ALLOCATION);
    this.#left = SEQUENCE_ALLOCATION;
    this.#onAllocation({ tableId: this.#tableId, column: this.column, allocated: this.#allocated });
  }

  /** The value `count` steps on; the range is a ring. */
  #step(value: bigint, count: bigint): bigint {
    const { min, max, increment } = this.#def;
    const moved = value + increment * count;
    if (moved >= min && moved <= max) return moved;
    const size = max - min + 1n;
    return min + ((((moved - min) % size) + size) % size);
  }
}
