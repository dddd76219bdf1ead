import type { IndexDef, SequenceDef, TableDef } from '../schema/module-def.ts';
import type { PlanDraft, RefusalRule } from './migration-plan.ts';
import { planColumns } from './plan-columns.ts';
import { columnNames } from './table-summary.ts';

/** Plans how a table that both programs have becomes what the new one says. */
export function planTable(draft: PlanDraft, before: TableDef, after: TableDef): void {
  planColumns(draft, before, after);
  planIndexes(draft, before, after);
  planConstraints(draft, before, after);
  planSequences(draft, before, after);
  planSchedule(draft, before, after);
  planFlags(draft, before, after);
}

function planIndexes(draft: PlanDraft, before: TableDef, after: TableDef): void {
  const table = after.name;
  const { removed, added, kept } = pair(before.indexes, after.indexes);
  for (const { name } of removed) draft.step({ type: 'remove-index', table, index: name });
  for (const index of added) addIndex(draft, after, index);
  for (const [old, index] of kept) {
    if (old.algorithm !== index.algorithm || namesKey(before, old.columns) !== namesKey(after, index.columns)) {
      draft.step({ type: 'remove-index', table, index: old.name });
      addIndex(draft, after, index);
      continue;
    }
    if (old.codegenName !== index.codegenName) {
      draft.refuse({
        rule: 'ChangeIndexAccessor',
        table,
        reason: `index \`${index.name}\` of table \`${table}\` would be reached as \`${index.codegenName ?? ''}\` instead of \`${old.codegenName ?? ''}\`, and clients that are out there use the old accessor.`,
        advice: `Keep the accessor \`${old.codegenName ?? ''}\`, or add the index under another name.`,
      });
    }
    if (old.accessor !== index.accessor) {
      const { accessor: from } = old;
      draft.step({ type: 'change-index-source-name', table, index: index.name, from, to: index.accessor });
    }
  }
}

function addIndex(draft: PlanDraft, table: TableDef, { name, algorithm, columns }: IndexDef): void {
  draft.step({
    type: 'add-index',
    table: table.name,
    index: name,
    algorithm,
    columns: columnNames(table, columns),
  });
}

function planConstraints(draft: PlanDraft, before: TableDef, after: TableDef): void {
  const table = after.name;
  const { removed, added, kept } = pair(before.constraints, after.constraints);
  for (const { name, columns } of removed) {
    draft.step({ type: 'remove-constraint', table, constraint: name, columns: columnNames(before, columns) });
  }
  for (const { name, columns } of added) {
    draft.step({ type: 'add-constraint', table, constraint: name, columns: columnNames(after, columns) });
  }
  for (const [old, constraint] of kept) {
    const [from, to] = [columnNames(before, old.columns), columnNames(after, constraint.columns)];
    if (from.toSorted().join() === to.toSorted().join()) continue;
    draft.refuse({
      rule: 'ChangeUniqueConstraint',
      table,
      reason: `unique constraint \`${constraint.name}\` of table \`${table}\` would be on (${to.join(', ')}) instead of (${from.join(', ')}).`,
      advice: 'Give the new constraint another name, which adds it and removes the old one.',
    });
  }
}

function planSequences(draft: PlanDraft, before: TableDef, after: TableDef): void {
  const table = after.name;
  const remove = ({ name, column }: SequenceDef): void =>
    draft.step({ type: 'remove-sequence', table, sequence: name, column: before.columns[column]?.name ?? '' });
  const add = ({ name, column }: SequenceDef): void =>
    draft.step({ type: 'add-sequence', table, sequence: name, column: after.columns[column]?.name ?? '' });
  const { removed, added, kept } = pair(before.sequences, after.sequences);
  removed.forEach(remove);
  added.forEach(add);
  for (const [old, sequence] of kept) {
    if (isSameSequence(old, sequence)) continue;
    remove(old);
    add(sequence);
  }
}

/** Whether one goes on where the other stands. */
export function isSameSequence(a: SequenceDef, b: SequenceDef): boolean {
  return (
    a.name === b.name &&
    a.column === b.column &&
    a.start === b.start &&
    a.min === b.min &&
    a.max === b.max &&
    a.increment === b.increment
  );
}

function planSchedule(draft: PlanDraft, before: TableDef, after: TableDef): void {
  const table = after.name;
  const [old, now] = [before.schedule, after.schedule];
  const refuse = (rule: RefusalRule, what: string): void =>
    draft.refuse({
      rule,
      table,
      reason: `table \`${table}\` ${what}, which is not possible on an existing table.`,
      advice: 'Add a table of another name for the schedule, and move the rows in a reducer.',
    });
  if (old === undefined && now !== undefined) refuse('AddSchedule', `would call \`${now.functionName}\` on schedule`);
  if (old !== undefined && now === undefined) {
    refuse('RemoveSchedule', `would not call \`${old.functionName}\` on schedule any more`);
  }
  if (old === undefined || now === undefined) return;
  if (old.functionName !== now.functionName) {
    refuse('ChangeSchedule', `would call \`${now.functionName}\` on schedule instead of \`${old.functionName}\``);
  }
  const [from, to] = [before.columns[old.atColumn]?.name, after.columns[now.atColumn]?.name];
  if (from !== to) refuse('ChangeSchedule', `would take its times from column \`${to}\` instead of \`${from}\``);
}

function planFlags(draft: PlanDraft, before: TableDef, after: TableDef): void {
  const table = after.name;
  if (before.isEvent !== after.isEvent) {
    draft.refuse({
      rule: 'ChangeTableEventFlag',
      table,
      reason: `table \`${table}\` would ${after.isEvent ? 'become an event table' : 'no longer be an event table'}.`,
      advice: 'Give the new table another name.',
    });
  }
  if (before.access !== after.access) {
    draft.step({ type: 'change-access', of: 'table', name: table, to: after.access });
  }
  if (before.accessor !== after.accessor) {
    draft.step({ type: 'change-table-accessor', table, from: before.accessor, to: after.accessor });
  }
  const [from, to] = [keyName(before), keyName(after)];
  if (from !== to) draft.step({ type: 'change-primary-key', table, from, to });
}

function keyName({ primaryKey, columns }: TableDef): string | undefined {
  return primaryKey === undefined ? undefined : columns[primaryKey]?.name;
}

function namesKey(table: TableDef, positions: readonly number[]): string {
  return columnNames(table, positions).join();
}

/** Parts of a table by name: gone, new, and in both. In the order of names. */
function pair<Part extends { readonly name: string }>(
  before: readonly Part[],
  after: readonly Part[],
): { readonly removed: readonly Part[]; readonly added: readonly Part[]; readonly kept: readonly [Part, Part][] } {
  const sorted = (parts: readonly Part[]): Part[] => parts.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const has = (parts: readonly Part[], name: string): boolean => parts.some((part) => part.name === name);
  return {
    removed: sorted(before).filter(({ name }) => !has(after, name)),
    added: sorted(after).filter(({ name }) => !has(before, name)),
    kept: sorted(before).flatMap((old): [Part, Part][] => {
      const now = after.find(({ name }) => name === old.name);
      return now === undefined ? [] : [[old, now]];
    }),
  };
}
