import { compareValues } from '../src/bsatn/order.ts';
import { compileRowCodec } from '../src/bsatn/row-codec.ts';
import type { AlgebraicType, AlgebraicValue, PrimitiveTypeName } from '../src/bsatn/algebraic-type.ts';
import type { RowCodec } from '../src/bsatn/row-codec.ts';
import type { Bound, IndexRange, Row, StateView, TableDelta, TableView } from '../src/datastore/state-view.ts';
import type { IndexDef, TableDef } from '../src/schema/module-def.ts';
import type { CompileOptions } from '../src/query/compile.ts';
import { compileStatements } from '../src/query/compile-statements.ts';
import { evaluateEncoded } from '../src/query/evaluator.ts';
import { WorkMeter } from '../src/query/work-meter.ts';

export const IDENTITY: AlgebraicType = special('__identity__', 'u256');
export const CONNECTION_ID: AlgebraicType = special('__connection_id__', 'u128');
export const TIMESTAMP: AlgebraicType = special('__timestamp_micros_since_unix_epoch__', 'i64');
export const TIME_DURATION: AlgebraicType = special('__time_duration_micros__', 'i64');
export const UUID: AlgebraicType = special('__uuid__', 'u128');
export const BYTES: AlgebraicType = { type: 'array', element: { type: 'u8' } };

function special(name: string, inner: 'u256' | 'u128' | 'i64'): AlgebraicType {
  return { type: 'product', elements: [{ name, algebraicType: { type: inner } }] };
}

interface TableSpec {
  readonly name: string;
  readonly accessor?: string;
  /** `name` or `accessor as name`, and the type. */
  readonly columns: Readonly<Record<string, AlgebraicType | PrimitiveTypeName>>;
  readonly indexes?: readonly { columns: readonly string[]; unique?: boolean; algorithm?: 'btree' | 'hash' }[];
  readonly primaryKey?: string;
  readonly access?: 'public' | 'private';
  readonly isEvent?: boolean;
  readonly isSystem?: boolean;
}

let nextId = 1_000;

/** A table definition for tests. */
export function defineTable(spec: TableSpec): TableDef {
  const names = Object.keys(spec.columns);
  const columns = names.map((key) => {
    const [accessor = key, name = accessor] = key.split(' as ');
    const type = spec.columns[key]!;
    return { name, accessor, algebraicType: typeof type === 'string' ? { type } : type };
  });
  const position = (column: string): number => columns.findIndex(({ accessor }) => accessor === column);
  const wanted = [...(spec.indexes ?? [])];
  if (spec.primaryKey !== undefined) wanted.unshift({ columns: [spec.primaryKey], unique: true });
  const indexes = wanted.map(({ columns: indexed, unique, algorithm }) => ({
    id: nextId++,
    name: `${spec.name}_${indexed.join('_')}_idx_${algorithm ?? 'btree'}`,
    accessor: indexed.join('_'),
    algorithm: algorithm ?? 'btree',
    columns: indexed.map(position),
    isUnique: unique ?? false,
  }));
  return {
    id: nextId++,
    name: spec.name,
    accessor: spec.accessor ?? spec.name,
    columns,
    primaryKey: spec.primaryKey === undefined ? undefined : position(spec.primaryKey),
    indexes,
    constraints: indexes.filter(({ isUnique }) => isUnique).map(({ name, columns: on }) => ({ name, columns: on })),
    sequences: [],
    access: spec.access ?? 'public',
    isEvent: spec.isEvent ?? false,
    isSystem: spec.isSystem ?? false,
  };
}

/** A naive table: a map of rows; every search looks at every row. */
class ModelTable implements TableView {
  readonly def: TableDef;
  readonly rows = new Map<string, Row>();
  readonly codec: RowCodec;

  constructor(def: TableDef) {
    this.def = def;
    this.codec = compileRowCodec(def.columns);
  }

  get rowCount(): number {
    return this.rows.size;
  }

  scan(): Iterable<Row> {
    return [...this.rows.values()];
  }

  seek(index: IndexDef, { prefix, start, end }: IndexRange): Iterable<Row> {
    if (index.algorithm === 'hash' && prefix.length !== index.columns.length) throw new Error('hash index: whole keys');
    return this.scanFor((row) => {
      const compare = (at: number, value: AlgebraicValue): number => {
        const column = index.columns[at]!;
        return compareValues(this.def.columns[column]!.algebraicType)(this.codec.column(row, column), value);
      };
      const within = (bound: Bound | undefined, sign: 1 | -1): boolean => {
        if (bound === undefined || bound.type === 'unbounded') return true;
        const order = compare(prefix.length, bound.value) * sign;
        return bound.type === 'included' ? order >= 0 : order > 0;
      };
      return prefix.every((value, at) => compare(at, value) === 0) && within(start, 1) && within(end, -1);
    });
  }

  private scanFor(test: (row: Row) => boolean): Row[] {
    return [...this.rows.values()].filter(test);
  }
}

/** A change of one table, as values. */
export interface Change {
  readonly insert?: readonly (readonly AlgebraicValue[])[];
  readonly delete?: readonly (readonly AlgebraicValue[])[];
}

/** A naive database of sets of rows, the oracle of the tests. */
export class ModelState implements StateView {
  readonly tables: readonly TableDef[];
  readonly #views = new Map<number, ModelTable>();

  constructor(tables: readonly TableDef[]) {
    this.tables = tables;
    for (const table of tables) this.#views.set(table.id, new ModelTable(table));
  }

  table(tableId: number): TableView {
    return this.#views.get(tableId)!;
  }

  encode(name: string, values: readonly AlgebraicValue[]): Row {
    return this.#view(name).codec.encode(values);
  }

  decode(name: string, row: Row): readonly AlgebraicValue[] {
    return this.#view(name).codec.decode(row);
  }

  /** Deletes, then inserts; gives the net change. What is already so is passed over. */
  commit(changes: Readonly<Record<string, Change>>): readonly TableDelta[] {
    const deltas: TableDelta[] = [];
    for (const [name, change] of Object.entries(changes)) {
      const view = this.#view(name);
      const before = new Map(view.rows);
      for (const values of change.delete ?? []) view.rows.delete(keyOf(view.codec.encode(values)));
      for (const values of change.insert ?? []) {
        const row = view.codec.encode(values);
        if (!view.rows.has(keyOf(row))) view.rows.set(keyOf(row), row);
      }
      const inserts = [...view.rows].filter(([key]) => !before.has(key)).map(([, row]) => row);
      const deletes = [...before].filter(([key]) => !view.rows.has(key)).map(([, row]) => row);
      if (view.def.isEvent) view.rows.clear();
      if (inserts.length + deletes.length > 0) deltas.push({ table: view.def, inserts, deletes });
    }
    return deltas;
  }

  #view(name: string): ModelTable {
    return [...this.#views.values()].find(({ def }) => def.name === name)!;
  }
}

/** A row's identity. */
export function keyOf(row: Row): string {
  return Buffer.from(row).toString('hex');
}

/** The decoded rows of one SELECT of the wider SQL. */
export function selectValues(
  sql: string,
  options: CompileOptions,
  state: StateView,
): readonly (readonly AlgebraicValue[])[] {
  const [statement] = compileStatements(sql, options);
  if (statement?.type !== 'select') throw new Error('a SELECT is expected');
  const codec = compileRowCodec(statement.columns);
  const context = { state, work: new WorkMeter() };
  return evaluateEncoded(statement.plan, context, 1 << 26).map((row) => codec.decode(row));
}
