import type { ColumnDef, TableDef } from '../schema/module-def.ts';
import type { ColumnSummary, TableSummary } from './migration-plan.ts';
import { typeText } from './type-text.ts';

/** What a plan says of a table that is added. */
export function summarizeTable(table: TableDef): TableSummary {
  const { name, access, isEvent, columns, primaryKey, constraints, indexes, sequences, schedule } = table;
  return {
    name,
    access,
    isEvent,
    columns: columns.map(summarizeColumn),
    primaryKey: primaryKey === undefined ? undefined : columns[primaryKey]?.name,
    uniqueConstraints: constraints.map((constraint) => columnNames(table, constraint.columns)),
    indexes: indexes.map((index) => index.name),
    autoIncrement: columnNames(
      table,
      sequences.map(({ column }) => column),
    ),
    schedules: schedule?.functionName,
  };
}

/** What a plan says of a column. */
export function summarizeColumn({ name, algebraicType }: ColumnDef): ColumnSummary {
  return { name, type: typeText(algebraicType) };
}

/** Canonical names of the columns at these positions. */
export function columnNames(table: TableDef, positions: readonly number[]): string[] {
  return positions.map((position) => table.columns[position]?.name ?? '');
}
