import type { ColumnDef, TableDef } from '../schema/module-def.ts';
import type { ChangedColumn, PlanDraft, RefusalRule } from './migration-plan.ts';
import { summarizeColumn } from './table-summary.ts';
import { compareTypes, type TypeProblem } from './type-change.ts';
import { typeText } from './type-text.ts';

/** Plans how the columns of a table that both programs have become what the new one says. */
export function planColumns(draft: PlanDraft, before: TableDef, after: TableDef): void {
  planAccessors(draft, before, after);
  // A table that is an event table in one program only is refused as a whole.
  if (before.isEvent && after.isEvent) planEventColumns(draft, before, after);
  else planRowColumns(draft, before, after);
}

function planAccessors(draft: PlanDraft, before: TableDef, after: TableDef): void {
  for (const old of before.columns) {
    const column = find(after, old.name);
    if (column === undefined || column.accessor === old.accessor) continue;
    const { name, accessor: to } = column;
    draft.step({ type: 'change-column-accessor', table: after.name, column: name, from: old.accessor, to });
  }
}

/** Events are never stored: only those who are subscribed to them notice. */
function planEventColumns(draft: PlanDraft, before: TableDef, after: TableDef): void {
  const changes = after.columns.map((column, position) => {
    const old = before.columns[position];
    return old?.name === column.name ? compareTypes(old.algebraicType, column.algebraicType).type : 'refused';
  });
  const isSameLength = before.columns.length === after.columns.length;
  if (isSameLength && changes.every((change) => change === 'same')) return;
  draft.step({ type: 'reschema-event-table', table: after.name, columns: after.columns.map(summarizeColumn) });
  if (!isSameLength || changes.includes('refused')) draft.breakClients();
}

function planRowColumns(draft: PlanDraft, before: TableDef, after: TableDef): void {
  const grown: ChangedColumn[] = [];
  for (const old of before.columns) {
    const column = find(after, old.name);
    if (column === undefined) {
      refuseRemoval(draft, after, old);
      continue;
    }
    const change = compareTypes(old.algebraicType, column.algebraicType);
    if (change.type === 'refused') refuseType(draft, { table: after.name, column: old.name }, change.problems);
    if (change.type !== 'grown') continue;
    grown.push({ name: old.name, from: typeText(old.algebraicType), to: typeText(column.algebraicType) });
  }
  if (grown.length > 0) draft.step({ type: 'change-columns', table: after.name, columns: grown });
  checkOrder(draft, before, after);
  planNewColumns(draft, before, after);
}

function planNewColumns(draft: PlanDraft, before: TableDef, after: TableDef): void {
  const added = after.columns.filter(({ name }) => find(before, name) === undefined);
  for (const column of added.filter(({ defaultValue }) => defaultValue === undefined)) {
    draft.refuse({
      rule: 'AddColumn',
      table: after.name,
      reason: `adding column \`${column.name}\` to table \`${after.name}\` requires a default value annotation: the rows that are there need a value.`,
      advice: `Add \`.default(…)\` to the column, at the end of the table.`,
    });
  }
  if (added.length === 0) return;
  draft.step({ type: 'add-columns', table: after.name, columns: added.map(summarizeColumn) });
  draft.breakClients();
}

function refuseRemoval(draft: PlanDraft, table: TableDef, column: ColumnDef): void {
  draft.refuse({
    rule: 'RemoveColumn',
    table: table.name,
    reason: `column \`${column.name}\` of table \`${table.name}\` would be gone; a renamed column is a removed one and a new one.`,
    advice: 'Keep the column under its name, or copy the rows into a new table in a reducer.',
  });
}

/** Columns that stay keep their order, and new ones stand behind them; a gap that a removed one left is no move. */
function checkOrder(draft: PlanDraft, before: TableDef, after: TableDef): void {
  const stayed = before.columns.filter(({ name }) => find(after, name) !== undefined);
  const stay = after.columns.filter(({ name }) => find(before, name) !== undefined);
  for (const [position, old] of stayed.entries()) {
    if (stay[position]?.name === old.name) continue;
    refuseOrder(draft, after, `column \`${old.name}\` of table \`${after.name}\` would move.`);
  }
  const last = stay.at(-1);
  const lastPosition = last === undefined ? -1 : after.columns.indexOf(last);
  for (const [position, { name }] of after.columns.entries()) {
    if (position > lastPosition || find(before, name) !== undefined) continue;
    const reason = `new column \`${name}\` of table \`${after.name}\` would stand before column \`${last?.name}\`, which is there already.`;
    refuseOrder(draft, after, reason);
  }
}

function refuseOrder(draft: PlanDraft, { name }: TableDef, reason: string): void {
  const advice = 'Keep the columns in their order, and put new ones at the end.';
  draft.refuse({ rule: 'ReorderTable', table: name, reason, advice });
}

const TYPE_ADVICE: Partial<Record<RefusalRule, string>> = {
  FewerVariants: 'Keep every variant; one that is not used any more does no harm.',
  RenamedVariant: 'Keep names and order of the variants, and put new ones at the end.',
  SizeMismatch:
    'Give the new variant a payload that is not larger than the largest there is, or put the value into a new column.',
  AlignMismatch:
    'Give the new variant a payload that is not wider than the widest there is, or put the value into a new column.',
  FewerFields: 'Keep the fields as they are, and put new ones into a new column.',
  RenamedField: 'Keep names and order of the fields.',
};

const CHANGE_ADVICE = 'Add a new column at the end with a default, and fill it in a reducer.';

function refuseType(
  draft: PlanDraft,
  { table, column }: { readonly table: string; readonly column: string },
  problems: readonly TypeProblem[],
): void {
  for (const { rule, reason } of problems) {
    draft.refuse({
      rule,
      table,
      reason: `column \`${column}\` of table \`${table}\` would change its type: ${reason}.`,
      advice: TYPE_ADVICE[rule] ?? CHANGE_ADVICE,
    });
  }
}

function find(table: TableDef, name: string): ColumnDef | undefined {
  return table.columns.find((column) => column.name === name);
}
