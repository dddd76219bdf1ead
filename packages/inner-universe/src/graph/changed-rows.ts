import type { EntityRow, RelationRow } from '@inner-universe/module/wire';
import type { RowChange } from '../connection/connection.ts';

/** What a record of the log is about. */
export type Subject = 'entity' | 'relation';

/** Rows that wait for their record; with more than these, all are dropped and read instead. */
const ROWS_MAX = 10_000;

/**
 * Rows as they were pushed after each change, until the record that tells of the change takes them. What is not here
 * is read by its id.
 */
export class ChangedRows {
  readonly #rows = new Map<string, (EntityRow | RelationRow)[]>();
  #count = 0;

  put(change: RowChange): void {
    if (change.type === 'deleted') return;
    if (this.#count >= ROWS_MAX) this.#clear();
    const row = change.row as unknown as EntityRow | RelationRow; // the bindings' types of these tables
    const key = keyOf(change.table === 'entity' ? 'entity' : 'relation', row.id);
    const rows = this.#rows.get(key);
    if (rows === undefined) this.#rows.set(key, [row]);
    else rows.push(row);
    this.#count += 1;
  }

  /** The row as a transaction left it whose record has this `seq`; older ones are dropped. */
  take(subject: Subject, id: string, seq: bigint): EntityRow | RelationRow | undefined {
    const key = keyOf(subject, id);
    const rows = this.#rows.get(key) ?? [];
    const later = rows.findIndex((row) => row.seq > seq);
    const taken = later === -1 ? rows.length : later;
    const left = rows.slice(taken);
    if (left.length === 0) this.#rows.delete(key);
    else this.#rows.set(key, left);
    this.#count -= taken;
    return rows[taken - 1];
  }

  #clear(): void {
    this.#rows.clear();
    this.#count = 0;
  }
}

function keyOf(subject: Subject, id: string): string {
  return `${subject} ${id}`;
}
