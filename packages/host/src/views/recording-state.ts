import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import type { IndexRange, Row, StateView, TableView } from '../datastore/state-view.ts';
import type { SelectPlan } from '../query/plan.ts';
import type { IndexDef, TableDef } from '../schema/module-def.ts';
import type { ColumnsKeys } from './columns-key.ts';
import type { ReadSet } from './read-set.ts';

/** Notes what is read. */
export class ReadRecorder {
  readonly readSet: ReadSet;
  readonly #keys: ColumnsKeys;

  constructor(readSet: ReadSet, keys: ColumnsKeys) {
    this.readSet = readSet;
    this.#keys = keys;
  }

  table({ id }: TableDef): void {
    this.readSet.addTable(id);
  }

  /** A search that fixes leading columns of the index reads the rows that have these values, and no others. */
  seek(table: TableDef, index: IndexDef, range: IndexRange): void {
    const values = this.#fixedValues(table, index, range);
    if (values.length === 0) {
      this.table(table);
      return;
    }
    const columns = this.#keys.of(table, index.columns.slice(0, values.length));
    this.readSet.addKey(table.id, columns, columns.ofValues(values));
  }

  /** Whatever can matter to a query in any state: rows that satisfy the conditions on their relation alone. */
  plan({ relations }: SelectPlan): void {
    for (const { relation, access } of relations) {
      if (access.type === 'scan') this.table(relation.table);
      if (access.type === 'seek') for (const range of access.ranges) this.seek(relation.table, access.index, range);
    }
  }

  #fixedValues(table: TableDef, index: IndexDef, { prefix, start, end }: IndexRange): readonly AlgebraicValue[] {
    const column = index.columns[prefix.length];
    if (column === undefined || start?.type !== 'included' || end?.type !== 'included') return prefix;
    const key = this.#keys.of(table, [column]);
    return key.ofValues([start.value]) === key.ofValues([end.value]) ? [...prefix, start.value] : prefix;
  }
}

/**
 * A state that notes what is read of it. Event tables are empty in it, as they are between transactions: what a view
 * shows must not depend on which transaction it was evaluated in.
 */
export class RecordingState implements StateView {
  readonly #state: StateView;
  readonly #recorder: ReadRecorder;

  constructor(state: StateView, recorder: ReadRecorder) {
    this.#state = state;
    this.#recorder = recorder;
  }

  table(tableId: number): TableView {
    const table = this.#state.table(tableId);
    return table.def.isEvent ? new EmptyTable(table.def) : new RecordingTable(table, this.#recorder);
  }
}

class EmptyTable implements TableView {
  readonly def: TableDef;
  readonly rowCount = 0;

  constructor(def: TableDef) {
    this.def = def;
  }

  scan(): Iterable<Row> {
    return [];
  }

  seek(): Iterable<Row> {
    return [];
  }
}

class RecordingTable implements TableView {
  readonly #table: TableView;
  readonly #recorder: ReadRecorder;

  constructor(table: TableView, recorder: ReadRecorder) {
    this.#table = table;
    this.#recorder = recorder;
  }

  get def(): TableDef {
    return this.#table.def;
  }

  get rowCount(): number {
    this.#recorder.table(this.def);
    return this.#table.rowCount;
  }

  scan(): Iterable<Row> {
    this.#recorder.table(this.def);
    return this.#table.scan();
  }

  seek(index: IndexDef, range: IndexRange): Iterable<Row> {
    this.#recorder.seek(this.def, index, range);
    return this.#table.seek(index, range);
  }
}
