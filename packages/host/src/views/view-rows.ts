import { assert } from '../assert.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { Bound, IndexRange, Row } from '../datastore/state-view.ts';
import type { Delta } from '../query/incremental.ts';
import { bytesKey } from '../query/scalar-type.ts';
import type { RowKey } from './columns-key.ts';
import { ViewError } from './view-error.ts';
import type { ViewKey, ViewShape } from './view-shape.ts';

/** A change of a bag of rows as one of the set that is shown, and how often each of its rows stands in the bag then. */
export interface RowsPatch extends Delta {
  readonly copies: ReadonlyMap<string, number>;
}

/**
 * The result of a view: a set of rows, found by their key where the view has one.
 *
 * Invariant: a row is in the set as long as it is in the bag that was returned; how often is kept for those that are
 * there more than once.
 */
export class ViewRows {
  readonly #rows = new Map<string, Row>();
  readonly #byKey = new Map<RowKey, Row>();
  readonly #copies = new Map<string, number>();
  readonly #shape: ViewShape;
  #ordered: readonly Row[] | undefined;
  #byteLength = 0;

  /** Takes sound rows of the view. @throws {ViewError} when two that differ have one key */
  constructor(shape: ViewShape, rows: readonly Row[]) {
    this.#shape = shape;
    const { key } = shape;
    for (const row of rows) {
      const identity = bytesKey(row);
      if (this.#rows.has(identity)) {
        this.#copies.set(identity, this.#copiesOf(identity) + 1);
        continue;
      }
      if (key !== undefined && this.#byKey.has(key.columns.ofRow(row))) throw duplicateKey(shape, key);
      this.#add(identity, row);
    }
  }

  get size(): number {
    return this.#rows.size;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  all(): Iterable<Row> {
    return this.#rows.values();
  }

  /** What has to be done to `before` to get these rows. */
  changesFrom(before: ViewRows): Delta {
    return { inserts: missingFrom(before.#rows, this.#rows), deletes: missingFrom(this.#rows, before.#rows) };
  }

  /** What a change of the bag changes here, which `apply` does. @throws {ViewError} when two rows would have one key */
  patchFor({ inserts, deletes }: Delta): RowsPatch {
    const changed = new Map<string, { readonly row: Row; copies: number }>();
    const count = (row: Row, by: number): void => {
      const identity = bytesKey(row);
      const entry = changed.get(identity) ?? { row, copies: this.#copiesOf(identity) };
      entry.copies += by;
      changed.set(identity, entry);
    };
    for (const row of inserts) count(row, 1);
    for (const row of deletes) count(row, -1);
    const added: Row[] = [];
    const removed: Row[] = [];
    const copies = new Map<string, number>();
    for (const [identity, { row, copies: after }] of changed) {
      assert(after >= 0, 'a row is not taken out more often than it is there');
      const isThere = this.#rows.has(identity);
      // A copy: the row itself may keep a large buffer of its table in memory.
      if (!isThere && after > 0) added.push(row.slice());
      if (isThere && after === 0) removed.push(row);
      copies.set(identity, after);
    }
    this.#assertKeysFree(added, removed);
    return { inserts: added, deletes: removed, copies };
  }

  apply({ inserts, deletes, copies }: RowsPatch): void {
    for (const row of deletes) this.#remove(bytesKey(row), row);
    for (const row of inserts) this.#add(bytesKey(row), row);
    for (const [identity, count] of copies) {
      if (count > 1) this.#copies.set(identity, count);
      else this.#copies.delete(identity);
    }
  }

  /** Rows by their key, ascending. The view has one. */
  seek({ prefix, start, end }: IndexRange): Iterable<Row> {
    const { key } = this.#shape;
    assert(key !== undefined, 'a view that is searched has a key');
    if (prefix.length > 0) {
      const row = this.#byKey.get(key.columns.ofValues(prefix));
      return row === undefined ? [] : [row];
    }
    this.#ordered ??= [...this.#rows.values()].sort((a, b) => key.compare(key.read(a), key.read(b)));
    return this.#ordered.filter((row) => {
      const value = key.read(row);
      return isAbove(key, value, start) && isBelow(key, value, end);
    });
  }

  #copiesOf(identity: string): number {
    return this.#copies.get(identity) ?? (this.#rows.has(identity) ? 1 : 0);
  }

  #assertKeysFree(added: readonly Row[], removed: readonly Row[]): void {
    const { key } = this.#shape;
    if (key === undefined) return;
    const freed = new Set(removed.map((row) => key.columns.ofRow(row)));
    const taken = new Set<RowKey>();
    for (const row of added) {
      const value = key.columns.ofRow(row);
      if (taken.has(value) || (this.#byKey.has(value) && !freed.has(value))) throw duplicateKey(this.#shape, key);
      taken.add(value);
    }
  }

  #add(identity: string, row: Row): void {
    this.#rows.set(identity, row);
    this.#byteLength += row.length;
    this.#ordered = undefined;
    const { key } = this.#shape;
    if (key !== undefined) this.#byKey.set(key.columns.ofRow(row), row);
  }

  #remove(identity: string, row: Row): void {
    this.#rows.delete(identity);
    this.#byteLength -= row.length;
    this.#ordered = undefined;
    const { key } = this.#shape;
    if (key !== undefined) this.#byKey.delete(key.columns.ofRow(row));
  }
}

function duplicateKey({ view }: ViewShape, { index }: ViewKey): ViewError {
  const [position = 0] = index.columns;
  return new ViewError(view.name, `two of its rows have the same primary key \`${view.columns[position]?.name}\``);
}

function missingFrom(rows: ReadonlyMap<string, Row>, others: ReadonlyMap<string, Row>): readonly Row[] {
  const missing: Row[] = [];
  for (const [identity, row] of others) if (!rows.has(identity)) missing.push(row);
  return missing;
}

function isAbove({ compare }: ViewKey, value: AlgebraicValue, bound: Bound | undefined): boolean {
  if (bound === undefined || bound.type === 'unbounded') return true;
  const order = compare(value, bound.value);
  return bound.type === 'included' ? order >= 0 : order > 0;
}

function isBelow({ compare }: ViewKey, value: AlgebraicValue, bound: Bound | undefined): boolean {
  if (bound === undefined || bound.type === 'unbounded') return true;
  const order = compare(value, bound.value);
  return bound.type === 'included' ? order <= 0 : order < 0;
}
