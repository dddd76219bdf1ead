import { assert } from '../assert.ts';
import type { AlgebraicType, AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import { RowLayout } from '../bsatn/row-layout.ts';
import { compilePackedKey } from '../datastore/table-index.ts';
import type { Row, StateView } from '../datastore/state-view.ts';
import type { SequenceDef, TableDef } from '../schema/module-def.ts';
import { type CarriedTable, extendRow } from './carry-over.ts';
import type { MigrationPlan, MigrationRefusal, MigrationStep } from './migration-plan.ts';
import { columnNames } from './table-summary.ts';

/** How many values that stand in the way a refusal names. */
const EXAMPLES_MAX = 5;
const EXAMPLE_LENGTH_MAX = 80;

/** The data that a plan is to be run on. */
export interface DataToCheck {
  readonly state: StateView;
  readonly before: readonly TableDef[];
  readonly after: readonly TableDef[];
  readonly carried: readonly CarriedTable[];
}

/** What of a plan the rows that are there do not allow, all of it. Reads every row of the tables concerned. */
export function checkData({ steps }: MigrationPlan, data: DataToCheck): MigrationRefusal[] {
  return steps.flatMap((step) => checkStep(step, data) ?? []);
}

function checkStep(step: MigrationStep, data: DataToCheck): MigrationRefusal | undefined {
  switch (step.type) {
    case 'remove-table':
      return checkEmpty(step.table, data);
    case 'add-constraint': {
      const table = byName(data.after, step.table);
      const constraint = table.constraints.find(({ name }) => name === step.constraint);
      assert(constraint !== undefined, 'a plan adds constraints of the new program');
      return checkUnique(table, constraint.columns, rowsOf(table, data));
    }
    case 'add-sequence': {
      const table = byName(data.after, step.table);
      const sequence = table.sequences.find(({ name }) => name === step.sequence);
      assert(sequence !== undefined, 'a plan adds sequences of the new program');
      return checkOutOfRange(table, sequence, rowsOf(table, data));
    }
    default:
      return undefined;
  }
}

function checkEmpty(name: string, { state, before }: DataToCheck): MigrationRefusal | undefined {
  const { rowCount } = state.table(byName(before, name).id);
  if (rowCount === 0) return undefined;
  return {
    rule: 'TableNotEmpty',
    table: name,
    reason: `cannot remove table \`${name}\`: table contains data (${rowCount} ${rowCount === 1 ? 'row' : 'rows'}).`,
    advice: "Clear the table's rows (via reducer or SQL DELETE) before removing it from your schema.",
  };
}

function checkUnique(table: TableDef, columns: readonly number[], rows: Iterable<Row>): MigrationRefusal | undefined {
  const types = columns.map((position) => typeOf(table, position));
  const key = compilePackedKey(columns, types);
  const layout = new RowLayout(table.columns.map(({ algebraicType }) => algebraicType));
  const starts = new Uint32Array(table.columns.length);
  const codec = compileRowCodec(table.columns);
  const counts = new Map<unknown, number>();
  const duplicates = new Map<unknown, Row>();
  for (const row of rows) {
    layout.locate(row, 0, table.columns.length - 1, starts);
    const value = key.read({ bytes: row, base: 0, starts });
    const count = (counts.get(value) ?? 0) + 1;
    counts.set(value, count);
    if (count === 2) duplicates.set(value, row.slice());
  }
  if (duplicates.size === 0) return undefined;
  const examples = [...duplicates].slice(0, EXAMPLES_MAX).map(([value, row]) => {
    const values = columns.map((position) => valueText(codec.column(row, position)));
    return `${columns.length === 1 ? values.join() : `(${values.join(', ')})`} in ${counts.get(value)} rows`;
  });
  const names = columnNames(table, columns).join(', ');
  return {
    rule: 'DuplicateValues',
    table: table.name,
    reason: `table \`${table.name}\` cannot get a unique constraint on (${names}): ${listed(examples, duplicates.size)}.`,
    advice: 'Delete or change the rows that share a value, then publish again.',
  };
}

function checkOutOfRange(
  table: TableDef,
  { column, min, max }: SequenceDef,
  rows: Iterable<Row>,
): MigrationRefusal | undefined {
  const codec = compileRowCodec(table.columns);
  const examples: string[] = [];
  let count = 0;
  for (const row of rows) {
    const value = codec.column(row, column);
    assert(typeof value === 'bigint' || typeof value === 'number', 'a sequence is on a column of integers');
    if (BigInt(value) < min || BigInt(value) > max) continue;
    count += 1;
    if (examples.length < EXAMPLES_MAX) examples.push(String(value));
  }
  if (count === 0) return undefined;
  return {
    rule: 'ValuesInSequenceRange',
    table: table.name,
    reason: `column \`${table.columns[column]?.name}\` of table \`${table.name}\` cannot get auto-increment: it already has values in range ${min} to ${max}, which would come again: ${listed(examples, count)}.`,
    advice: 'Keep the column without auto-increment, or copy the rows into a new table in a reducer.',
  };
}

/** The rows of a table as they will be. */
function* rowsOf({ id }: TableDef, { state, carried }: DataToCheck): Generator<Row, void> {
  const carriedTable = carried.find(({ tableId }) => tableId === id);
  if (carriedTable === undefined) return;
  for (const row of state.table(id).scan()) yield extendRow(row, carriedTable.suffix);
}

function byName(tables: readonly TableDef[], name: string): TableDef {
  const table = tables.find((candidate) => candidate.name === name);
  assert(table !== undefined, `a plan is run on the tables that it was made for, ${name} among them`);
  return table;
}

function typeOf(table: TableDef, position: number): AlgebraicType {
  const column = table.columns[position];
  assert(column !== undefined, `a constraint is on columns of its table ${table.name}`);
  return column.algebraicType;
}

function listed(examples: readonly string[], count: number): string {
  const more = count - examples.length;
  return more > 0 ? `${examples.join(', ')} and ${more} more` : examples.join(', ');
}

function valueText(value: AlgebraicValue): string {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return part.toString();
    return part instanceof Uint8Array ? [...part.subarray(0, EXAMPLE_LENGTH_MAX)] : part;
  });
  return text.length > EXAMPLE_LENGTH_MAX ? `${text.slice(0, EXAMPLE_LENGTH_MAX)}…` : text;
}
