import type { TableDef } from '../schema/module-def.ts';
import { compareTypes } from './type-change.ts';

/** Whether rows and indexes of the one table are those of the other as they lie; names of columns may differ. */
export function hasSameForm(before: TableDef, after: TableDef): boolean {
  if (before.isEvent !== after.isEvent) return false;
  return hasSameColumns(before, after) && hasSameIndexes(before, after);
}

function hasSameColumns(before: TableDef, after: TableDef): boolean {
  if (before.columns.length !== after.columns.length) return false;
  return before.columns.every(({ algebraicType }, position) => {
    const column = after.columns[position];
    return column !== undefined && compareTypes(algebraicType, column.algebraicType).type === 'same';
  });
}

function hasSameIndexes(before: TableDef, after: TableDef): boolean {
  if (before.indexes.length !== after.indexes.length) return false;
  return before.indexes.every((old) => {
    const index = after.indexes.find(({ name }) => name === old.name);
    if (index === undefined || index.algorithm !== old.algorithm || index.isUnique !== old.isUnique) return false;
    return index.columns.join() === old.columns.join();
  });
}
