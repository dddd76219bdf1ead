import { assert } from '../assert.ts';
import type { IndexRange, Row, TableDelta, TableView } from '../datastore/state-view.ts';
import type { IndexDef, TableDef, ViewDef } from '../schema/module-def.ts';
import type { ReadSet } from './read-set.ts';
import type { ViewQuery } from './view-query.ts';
import type { RowsPatch, ViewRows } from './view-rows.ts';
import type { ViewShape } from './view-shape.ts';

const NO_ROWS: readonly Row[] = [];

/** What reads for an instance: the module's code, or the SQL that the code returned. */
export interface ViewReader {
  readonly instance: ViewInstance;
  readonly part: 'code' | 'query';
}

/** What an evaluation gave. Read sets that are absent stay as they were. */
export interface Evaluation {
  readonly rows: ViewRows | RowsPatch;
  readonly codeReads?: ReadSet | undefined;
  readonly queryReads?: ReadSet | undefined;
  /** The SQL that the rows come from, if any. */
  readonly query: ViewQuery | undefined;
}

/** One view as one asker sees it, or as all do: a table of its own, whose rows are those of the last evaluation. */
export class ViewInstance implements TableView {
  readonly def: TableDef;
  readonly shape: ViewShape;
  /** As whom the view is evaluated; 0n for an anonymous one. */
  readonly sender: bigint;
  readonly code: ViewReader = { instance: this, part: 'code' };
  readonly sql: ViewReader = { instance: this, part: 'query' };
  /** How many queries are kept up to date from it, or are being answered from it. */
  users = 0;
  #rows: ViewRows | undefined;
  #query: ViewQuery | undefined;

  constructor(shape: ViewShape, id: number, sender: bigint) {
    this.def = shape.table(id);
    this.shape = shape;
    this.sender = sender;
  }

  get view(): ViewDef {
    return this.shape.view;
  }

  /** The last result; absent when there is none, or what it was read from changed. */
  get rows(): ViewRows | undefined {
    return this.#rows;
  }

  /** The SQL that the view returned last, if it did. */
  get query(): ViewQuery | undefined {
    return this.#query;
  }

  get rowCount(): number {
    return this.#rows?.size ?? 0;
  }

  get byteLength(): number {
    return this.#rows?.byteLength ?? 0;
  }

  scan(): Iterable<Row> {
    return this.#rows?.all() ?? NO_ROWS;
  }

  seek(_index: IndexDef, range: IndexRange): Iterable<Row> {
    return this.#rows?.seek(range) ?? NO_ROWS;
  }

  /** Takes a new result and gives what it changes; undefined when it changes nothing, or there was none before. */
  take({ rows, query }: Evaluation): TableDelta | undefined {
    const before = this.#rows;
    this.#query = query;
    if ('copies' in rows) {
      assert(before !== undefined, 'only rows that are there are patched');
      before.apply(rows);
      return this.#delta(rows);
    }
    this.#rows = rows;
    return before === undefined ? undefined : this.#delta(rows.changesFrom(before));
  }

  /** Gives up the rows. */
  forgetRows(): void {
    this.#rows = undefined;
  }

  #delta({ inserts, deletes }: Omit<TableDelta, 'table'>): TableDelta | undefined {
    return inserts.length + deletes.length === 0 ? undefined : { table: this.def, inserts, deletes };
  }
}
