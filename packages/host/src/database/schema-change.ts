import type { AlgebraicType, NamedType } from '../bsatn/algebraic-type.ts';
import { HostError } from '../errors.ts';
import type { ModuleDef, TableDef } from '../schema/module-def.ts';

/**
 * Checks that a new program can take over the data of the old one as it lies. Functions, access and names of accessors
 * may change freely, tables and indexes may be added, indexes may be removed; rows, keys and sequences must not change.
 * @throws {HostError} `database/migration-required` naming every change that does not fit.
 */
export function assertAdditive(before: ModuleDef, after: ModuleDef): void {
  const changes = before.tables.filter((table) => !table.isSystem).flatMap((table) => changesOf(table, after));
  if (changes.length === 0) return;
  throw new HostError({
    code: 'database/migration-required',
    message: `the new program does not fit the stored data:\n${changes.map((change) => `  - ${change}`).join('\n')}\nPublish a program that only adds tables and indexes, or start a new database.`,
    details: { changes },
  });
}

function changesOf(before: TableDef, after: ModuleDef): string[] {
  const table = after.tables.find(({ name }) => name === before.name);
  if (table === undefined) return [`table ${before.name} is gone`];
  return [
    ...columnChanges(before, table),
    ...listChanges(
      `${before.name}: unique constraint on`,
      before.constraints.map(columnsKey(before)),
      table.constraints.map(columnsKey(table)),
    ),
    ...listChanges(`${before.name}: auto-increment of`, sequenceKeys(before), sequenceKeys(table)),
    ...flagChanges(before, table),
  ];
}

function columnChanges(before: TableDef, after: TableDef): string[] {
  const changes: string[] = [];
  for (const [position, column] of before.columns.entries()) {
    const now = after.columns[position];
    if (now === undefined || (now.name !== column.name && !after.columns.some(({ name }) => name === column.name))) {
      changes.push(`${before.name}: column ${column.name} is gone`);
    } else if (now.name !== column.name) {
      changes.push(`${before.name}: column ${column.name} moved`);
    } else if (typeText(now.algebraicType) !== typeText(column.algebraicType)) {
      changes.push(`${before.name}: the type of column ${column.name} changed`);
    }
  }
  for (const { name } of after.columns) {
    if (!before.columns.some((column) => column.name === name)) changes.push(`${before.name}: column ${name} is new`);
  }
  return changes;
}

function columnsKey(table: TableDef): (constraint: { readonly columns: readonly number[] }) => string {
  return ({ columns }) =>
    [...columns]
      .sort((a, b) => a - b)
      .map((position) => table.columns[position]?.name)
      .join(', ');
}

function sequenceKeys(table: TableDef): string[] {
  return table.sequences.map(({ column }) => table.columns[column]?.name ?? '');
}

function listChanges(what: string, before: readonly string[], after: readonly string[]): string[] {
  const gone = before.filter((key) => !after.includes(key)).map((key) => `${what} ${key} is gone`);
  const added = after.filter((key) => !before.includes(key)).map((key) => `${what} ${key} is new`);
  return [...gone, ...added];
}

function flagChanges(before: TableDef, after: TableDef): string[] {
  const changes: string[] = [];
  if (before.isEvent !== after.isEvent)
    changes.push(`${before.name}: ${after.isEvent ? 'became' : 'is no longer'} an event table`);
  if (scheduleText(before) !== scheduleText(after)) changes.push(`${before.name}: its schedule changed`);
  const [keyBefore, keyAfter] = [before, after].map(({ primaryKey, columns }) =>
    primaryKey === undefined ? 'none' : columns[primaryKey]?.name,
  );
  if (keyBefore !== keyAfter) changes.push(`${before.name}: the primary key changed from ${keyBefore} to ${keyAfter}`);
  return changes;
}

function scheduleText({ schedule }: TableDef): string {
  return schedule === undefined ? '' : `${schedule.atColumn} ${schedule.functionName}`;
}

function typeText(type: AlgebraicType): string {
  return JSON.stringify(type, (_key, value: unknown) =>
    isNamed(value) ? [value.name ?? null, value.algebraicType] : value,
  );
}

/** Elements are compared by name and type, whatever else their objects hold. */
function isNamed(value: unknown): value is NamedType {
  return typeof value === 'object' && value !== null && 'algebraicType' in value;
}
