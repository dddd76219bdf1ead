import { assert } from '../assert.ts';
import type { TableDelta } from '../datastore/state-view.ts';
import type { TableDef } from '../schema/module-def.ts';
import type { CommitKind } from './calls.ts';
import { decodeRecord } from './record-codec.ts';

/** A commit that may yet be lost. */
export interface UndurableCommit {
  readonly offset: bigint;
  /** Its record in the log; copied. */
  readonly record: Uint8Array;
  /** Changes that emptied a table, whose deleted rows are not in the record. */
  readonly emptied: readonly TableDelta[];
}

/** What is to be undone of a commit. */
export interface LostCommit {
  readonly kind: CommitKind;
  readonly deltas: readonly TableDelta[];
}

const BUFFER_BYTES_MIN = 64 * 1024;

/** A buffer that grew beyond this is not kept once it is empty. */
const KEPT_BUFFER_BYTES_MAX = 4 * 1024 * 1024;

/**
 * What was committed and is not durable yet, so that it can be taken back when it never will be. Holds no more than the
 * storage lets wait.
 *
 * Commits wait for the disk in thousands, and objects of that age are what the garbage collector spends most on. So
 * their records are kept, behind each other in one buffer; the rows to undo are in them.
 *
 * Invariant: the commits from `#head` on are the undurable ones; the record of commit `i` is
 * `#buffer[#starts[i], #starts[i + 1])`, of the last one up to `#used`.
 */
export class UndurableCommits {
  #buffer: Uint8Array = new Uint8Array(0);
  #used = 0;
  /** Offsets of records as numbers: there are fewer than 2^53. */
  #offsets: number[] = [];
  #starts: number[] = [];
  #head = 0;
  readonly #emptied = new Map<number, readonly TableDelta[]>();

  get isEmpty(): boolean {
    return this.#head === this.#offsets.length;
  }

  /** Notes a commit; in the order of their offsets. */
  add({ offset, record, emptied }: UndurableCommit): void {
    this.#reserve(record.length);
    this.#buffer.set(record, this.#used);
    this.#offsets.push(Number(offset));
    this.#starts.push(this.#used);
    this.#used += record.length;
    if (emptied.length > 0) this.#emptied.set(Number(offset), emptied);
  }

  /** Forgets what has become durable: all below that offset. */
  forgetBelow(durableOffset: bigint): void {
    const end = Number(durableOffset);
    const offsets = this.#offsets;
    while (this.#head < offsets.length && (offsets[this.#head] ?? end) < end) this.#forgetFirst();
    if (this.isEmpty) this.#clear();
  }

  /** Gives all that is left, the newest first, and forgets it. `tableOf` knows the tables by their ids. */
  takeNewestFirst(tableOf: (tableId: number) => TableDef | undefined): readonly LostCommit[] {
    const lost: LostCommit[] = [];
    for (let index = this.#offsets.length - 1; index >= this.#head; index -= 1) {
      const { transaction } = decodeRecord(
        this.#buffer.slice(this.#starts[index], this.#starts[index + 1] ?? this.#used),
      );
      assert(transaction !== undefined, 'the record of a commit holds its transaction');
      const emptied = this.#emptied.get(this.#offsets[index] ?? -1) ?? [];
      const deltas = transaction.changes.map(({ tableId, inserts, deletes, isTruncated }) => {
        const table = tableOf(tableId);
        assert(table !== undefined, 'tables outlast commits that are not durable');
        const whole = isTruncated ? emptied.find((delta) => delta.table.id === tableId) : undefined;
        return whole ?? { table, inserts, deletes };
      });
      lost.push({ kind: transaction.kind, deltas });
    }
    this.#clear();
    return lost;
  }

  #forgetFirst(): void {
    if (this.#emptied.size > 0) this.#emptied.delete(this.#offsets[this.#head] ?? -1);
    this.#head += 1;
  }

  #clear(): void {
    this.#offsets = [];
    this.#starts = [];
    this.#head = 0;
    this.#used = 0;
    this.#emptied.clear();
    if (this.#buffer.length > KEPT_BUFFER_BYTES_MAX) this.#buffer = new Uint8Array(0);
  }

  /** Makes room for a record: behind the last one, by moving them to the front, or in a larger buffer. */
  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#buffer.length) return;
    const start = this.#starts[this.#head] ?? this.#used;
    const live = this.#used - start;
    const target =
      (live + bytes) * 2 <= this.#buffer.length
        ? this.#buffer
        : new Uint8Array(Math.max(BUFFER_BYTES_MIN, (live + bytes) * 2));
    target.set(this.#buffer.subarray(start, this.#used));
    this.#buffer = target;
    this.#offsets = this.#offsets.slice(this.#head);
    this.#starts = this.#starts.slice(this.#head).map((at) => at - start);
    this.#head = 0;
    this.#used = live;
  }
}
