import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';

/** The BSATN of one row. Immutable: nobody writes to it after it was handed out. */
export type Row = Uint8Array;

/** One end of a range over a single index column. */
export type Bound =
  | { readonly type: 'included'; readonly value: AlgebraicValue }
  | { readonly type: 'excluded'; readonly value: AlgebraicValue }
  | { readonly type: 'unbounded' };

/**
 * What to look for in an index: a full or partial key by equality, then optionally a range over the next column.
 * `prefix` holds values for the leading columns. A point search has a value for every column and no range.
 */
export interface IndexRange {
  readonly prefix: readonly AlgebraicValue[];
  readonly start?: Bound | undefined;
  readonly end?: Bound | undefined;
}

/** A table as it stands at one moment: committed, or inside the transaction that handed it out. */
export interface TableView {
  readonly def: TableDef;
  readonly rowCount: number;
  /** Every row. The iteration is not disturbed by writes made meanwhile. */
  scan(): Iterable<Row>;
  /** Rows that match, in index order. */
  seek(index: IndexDef, range: IndexRange): Iterable<Row>;
}

/** All tables at one moment. */
export interface StateView {
  /** @throws {Error} when there is no such table: callers pass ids from the definition. */
  table(tableId: number): TableView;
}

/** Net change of one table: a row that was deleted and inserted again unchanged is in neither list. */
export interface TableDelta {
  readonly table: TableDef;
  readonly inserts: readonly Row[];
  readonly deletes: readonly Row[];
}
